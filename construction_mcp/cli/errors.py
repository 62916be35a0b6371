"""`construction-mcp errors`: every error code, what it means, what to do."""

import argparse

from construction_mcp.cli import show
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest

HELP = "Explain an error code, or list them all."
EXAMPLES = """\
  construction-mcp errors                             all of them
  construction-mcp errors SYSTEM_STORAGE_FULL         one
  construction-mcp errors --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", help="an error code")


def run(args: argparse.Namespace) -> int:
    code = args.code.upper() if args.code else None
    if code and code not in CATALOGUE:
        raise Invalid(f"There is no error code {code}.", details={"nearest": nearest(code, CATALOGUE)})
    chosen = {code: CATALOGUE[code]} if code else CATALOGUE
    text = "\n".join(f"{name}\n    {entry.meaning}\n    {entry.remedy}" for name, entry in chosen.items())
    show(args, {name: entry._asdict() for name, entry in chosen.items()}, text)
    return 0
