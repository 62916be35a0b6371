"""`construction-mcp bundle`: one file that Claude Desktop installs by a double click, its settings as a form.

The bundle holds the package and the list of its dependencies; the app's own `uv` fetches Python and these on the
person's machine, so that one file serves Windows, macOS and Linux though some dependencies are compiled.
Source: MCPB manifest specification 0.4: "server", "user_config", UV runtime (github.com/modelcontextprotocol/mcpb).
"""

import argparse
import json
import zipfile
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from construction_mcp import __version__
from construction_mcp.cli import show

HELP = "Build the bundle (.mcpb) that Claude Desktop installs by a double click."
EXAMPLES = """\
  construction-mcp bundle                     construction-mcp-VERSION.mcpb in this folder
  construction-mcp bundle --output my.mcpb
"""
_PACKAGE = Path(__file__).parents[1]
_MADE_AT = (2026, 1, 1, 0, 0, 0)  # the same content gives the same bytes
_ENTRY = "server.py"

_START = """\
from construction_mcp.__main__ import main

if __name__ == "__main__":
    main()
"""

# name in the form, variable, and what the form shows; a password field is kept in the system's keychain by the app
_FORM: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "environment",
        "PROCORE_ENVIRONMENT",
        {
            "title": "Which Procore",
            "description": "simulator (invented data, nothing to set up), sandbox, monthly, production or federal",
            "default": "simulator",
        },
    ),
    (
        "client_id",
        "PROCORE_CLIENT_ID",
        {"title": "Client ID of your Procore app", "description": "From Procore's developer portal"},
    ),
    (
        "client_secret",
        "PROCORE_CLIENT_SECRET",
        {"title": "Client secret of your Procore app", "description": "Kept by the system", "sensitive": True},
    ),
    (
        "company_id",
        "PROCORE_COMPANY_ID",
        {"title": "Procore company ID", "description": "The number in Procore's address after you signed in"},
    ),
    (
        "smtp_url",
        "CONSTRUCTION_MCP_SMTP_URL",
        {
            "title": "Mail server",
            "description": "smtp://user:password@host:587 or smtps://…; without it workflows cannot mail",
            "sensitive": True,
        },
    ),
    (
        "mail_from",
        "CONSTRUCTION_MCP_MAIL_FROM",
        {"title": "Mail is from", "description": "Site automation <automation@your-company.com>"},
    ),
    (
        "alert_to",
        "CONSTRUCTION_MCP_ALERT_TO",
        {"title": "Who hears of trouble", "description": "A mail address"},
    ),
    (
        "read_only",
        "CONSTRUCTION_MCP_READ_ONLY",
        {
            "type": "boolean",
            "title": "Read only",
            "description": "Offer nothing that changes anything",
            "default": False,
        },
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it")


def run(args: argparse.Namespace) -> int:
    target: Path = args.output or Path(f"construction-mcp-{__version__}.mcpb")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in sorted(_contents()):
            bundle.writestr(zipfile.ZipInfo(name, _MADE_AT), content, zipfile.ZIP_DEFLATED)
    size = target.stat().st_size
    text = f"Wrote {target} ({size / 1000:.0f} kB). Open it with Claude Desktop, or drag it into Settings > Extensions."
    show(args, {"bundle": str(target), "bytes": size}, text)
    return 0


def manifest() -> dict[str, Any]:
    """What the app reads: how to start it, and the form."""
    env = {variable: f"${{user_config.{name}}}" for name, variable, _ in _FORM}
    return {
        "manifest_version": "0.4",
        "name": "construction-mcp",
        "display_name": "Construction automation for Procore",
        "version": __version__,
        "description": "Automations on Procore that run, ask before they act, and explain themselves.",
        "author": {"name": "construction-mcp contributors"},
        "license": "MIT",
        "keywords": ["procore", "construction", "automation", "workflow"],
        "server": {
            "type": "uv",
            "entry_point": _ENTRY,
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", _ENTRY],
                "env": env,
            },
        },
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {"platforms": ["darwin", "win32", "linux"], "runtimes": {"python": ">=3.11"}},
        # An empty default, because a field without one stays a placeholder in the environment.
        "user_config": {
            name: {"type": "string", "default": "", "required": False, **field} for name, _, field in _FORM
        },
    }


def _contents() -> Iterator[tuple[str, str | bytes]]:
    yield "manifest.json", json.dumps(manifest(), indent=2, ensure_ascii=False)
    yield "pyproject.toml", _project()
    yield _ENTRY, _START
    for folder, place in ((_PACKAGE, "construction_mcp"), (_queries(), "construction_mcp/_sql")):
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            if path.is_file() and not {"__pycache__", "_sql"} & {*inside.parts}:
                yield f"{place}/{inside.as_posix()}", path.read_bytes()


def _queries() -> Path:
    """The named queries: in the wheel inside the package, in a clone beside it."""
    packed = _PACKAGE / "_sql"
    return packed if packed.is_dir() else _PACKAGE.parent / "sql"


def _project() -> str:
    """What `uv` installs, which are the dependencies of the installed version."""
    needed = [line for line in requires("construction-mcp") or [] if "extra ==" not in line]
    lines = "\n".join(f"    {json.dumps(line)}," for line in needed)
    return (
        f'[project]\nname = "construction-mcp-bundle"\nversion = "{__version__}"\nrequires-python = ">=3.11"\n'
        f"dependencies = [\n{lines}\n]\n\n[tool.uv]\npackage = false\n"
    )
