"""The command line's frame: flags before and after the command, settings from a file, errors as a person reads them."""

import argparse
import os
import subprocess
import sys

import pytest

from construction_mcp.cli import launch_of, parser_for
from construction_mcp.core.launch import Launch, parse_stdio_flags
from tests.tidy.source import ROOT


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


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_the_bare_command_at_a_terminal_says_what_it_waits_for(home):
    """A person who types it would otherwise look at nothing; a client's pipe gets no such words."""
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-m", "construction_mcp"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environ
    ) as typed:
        os.close(slave)
        assert typed.stderr is not None
        said = typed.stderr.readline() + typed.stderr.readline()
        os.write(master, b"\x04")  # Ctrl+D
        ended = typed.wait(timeout=30)
    os.close(master)
    piped = subprocess.run(command, input=b"", capture_output=True, env=environ, timeout=30, check=False)

    assert b"waiting for an AI client" in said
    assert b"--help" in said
    assert ended == 0
    assert (piped.returncode, piped.stderr) == (0, b"")


def test_without_a_known_command_the_choices_are_named(home, capsys):
    with pytest.raises(SystemExit) as ended:
        parser_for(["instal"]).parse_args(["instal"])

    assert ended.value.code == 2
    assert "install" in capsys.readouterr().err
