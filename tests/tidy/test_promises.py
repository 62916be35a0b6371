"""What the repository promises about itself: manifests, error codes, help texts, the README's map."""

import argparse
import re
from dataclasses import fields
from importlib import import_module
from shlex import split

import pytest

from construction_mcp.cli import command_names, main, parser_for
from construction_mcp.cli.doctor.variables import KNOWN
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.config import Limits
from construction_mcp.registry.build import build, builtin_packages, manifest_path, manifest_text
from tests.tidy.source import PACKAGE, ROOT, python_sources

ERROR_CODES = ROOT / "tests" / "tidy" / "error_codes.txt"
FAMILIES = {
    "AUTH",
    "PROCORE",
    "WORKFLOW",
    "EXECUTION",
    "APPROVAL",
    "VALIDATION",
    "IDEMPOTENCY",
    "WEBHOOK",
    "NOTIFY",
    "SYSTEM",
}


def readme_rooms() -> set[str]:
    """The first cell of each row of the README's house map."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## The house")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w./]+)` \|", section, re.MULTILINE))


def rooms() -> set[str]:
    """The rooms there are: folders with a slash, single modules with their suffix."""
    found = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / PACKAGE).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    return found - {"__init__.py"}


@pytest.mark.parametrize("package", builtin_packages())
def test_every_manifest_says_what_its_code_says(package):
    committed = manifest_path(package).read_text(encoding="utf-8")

    assert committed == manifest_text(build(package)), "run: construction-mcp tools build"


def test_an_error_code_never_vanishes():
    """A program may rely on a code for ever. A new one is a new line of error_codes.txt."""
    published = set(ERROR_CODES.read_text(encoding="utf-8").split())

    assert published - set(CATALOGUE) == set()
    assert set(CATALOGUE) - published == set(), "append these to tests/tidy/error_codes.txt"


def test_every_error_code_belongs_to_a_family_and_says_what_to_do():
    assert {code.partition("_")[0] for code in CATALOGUE} <= FAMILIES
    assert all(entry.meaning.endswith(".") and entry.remedy.endswith(".") for entry in CATALOGUE.values())


def test_the_readme_names_every_room_and_no_other():
    assert readme_rooms() == rooms()


@pytest.mark.parametrize("limit", [field.name for field in fields(Limits)])
def test_every_limit_limits_something(limit):
    """One that nothing reads is a promise nobody keeps."""
    code = "".join(source.text for source in python_sources())

    assert re.search(rf"\.{limit}\b", code)


def test_the_readme_tells_what_every_toolset_does_and_no_other():
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("| toolset |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == {
        name.split(".")[-1] for name in builtin_packages()
    }


def test_the_readme_explains_every_setting_that_does_something_and_no_other():
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Settings")[2].partition("\n## ")[0]
    rows = "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    code = "".join(source.text for source in python_sources())
    read = {f"CONSTRUCTION_MCP_{name}" for name in re.findall(r'PREFIX \+ "(\w+)"', code)}
    read |= set(re.findall(r'(?:text|setting)\([^)]*"((?:PROCORE|DB)_\w+)"\)', code))

    assert set(re.findall(r"`([A-Z_]+)`", rows)) == read
    assert read == KNOWN, "construction_mcp/cli/doctor/variables.py lists what the code reads"


def test_the_readmes_relative_links_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    gone = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not (ROOT / link).exists()]
    assert gone == []


@pytest.mark.parametrize("name", command_names())
def test_every_command_explains_itself_with_an_example(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])

    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"\n  construction-mcp {name}" in said.partition("examples:")[2]
    assert "==SUPPRESS==" not in said


@pytest.mark.parametrize("name", command_names())
def test_every_example_of_a_help_text_is_accepted_by_the_parser(name):
    """An example that the command line refuses is worse than none."""
    examples = import_module(f"construction_mcp.cli.{name.replace('-', '_')}").EXAMPLES
    lines = [line.strip() for line in examples.splitlines() if line.strip().startswith("construction-mcp ")]
    calls = [split(re.split(r"\s{2,}", line)[0])[1:] for line in lines]  # two spaces begin the explanation
    parsed = [parser_for(words).parse_args(words) for words in calls]

    assert lines
    assert all(isinstance(args, argparse.Namespace) for args in parsed)
