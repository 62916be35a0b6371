"""The command line's frame: flags before and after the command, settings from a file, errors as a person reads them."""

import argparse

import pytest

from construction_mcp.cli import launch_of, parser_for
from construction_mcp.core.launch import Launch, parse_stdio_flags


def launch(*words: str) -> Launch:
    args: argparse.Namespace = parser_for(words).parse_args(words)
    return launch_of(args)


@pytest.mark.parametrize(
    "words", [["--data-dir", "/jobs", "tools"], ["tools", "--data-dir", "/jobs"], ["tools", "--data-dir=/jobs"]]
)
def test_a_flag_counts_before_and_after_the_command(home, words):
    assert launch(*words).data_dir == "/jobs"


def test_the_later_of_two_flags_wins(home):
    assert launch("--data-dir", "/a", "tools", "--data-dir", "/b").data_dir == "/b"


def test_the_environment_flag_chooses_the_procore_environment(home):
    assert launch("tools", "--environment", "sandbox").environment == "sandbox"
    assert parse_stdio_flags(["--environment", "sandbox"]) == {"environment": "sandbox"}


def test_flags_outrank_variables_and_variables_outrank_the_file(home, monkeypatch):
    config = home / "settings.toml"
    config.write_text('log_level = "debug"\nprocore_environment = "monthly"\ntoolsets = ["admin"]\n')
    monkeypatch.setenv("PROCORE_ENVIRONMENT", "sandbox")

    found = launch("--config", str(config), "tools", "--toolsets", "workflows")

    assert (found.log_level, found.environment, found.toolsets) == ("debug", "sandbox", ("workflows",))


def test_an_error_is_told_on_stderr_with_its_code_and_as_json_on_request(cli):
    told, data = cli("errors", "NO_SUCH_CODE"), cli("errors", "NO_SUCH_CODE", "--json")

    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("VALIDATION_INVALID: There is no error code NO_SUCH_CODE.")
    assert data.data["error"]["code"] == "VALIDATION_INVALID"


def test_without_a_known_command_the_choices_are_named(home, capsys):
    with pytest.raises(SystemExit) as ended:
        parser_for(["instal"]).parse_args(["instal"])

    assert ended.value.code == 2
    assert "install" in capsys.readouterr().err
