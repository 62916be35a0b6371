"""`construction-mcp errors`: every code of an error or of a problem in a workflow, what it means, what to do."""

import argparse
from typing import TYPE_CHECKING

from construction_mcp.cli import show
from construction_mcp.core.catalogue import CATALOGUE, ErrorCode
from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest

if TYPE_CHECKING:
    from construction_mcp.workflow.problem_codes import ProblemCode

HELP = "Explain an error code, or list them all."
EXAMPLES = """\
  construction-mcp errors                             all of them
  construction-mcp errors SYSTEM_STORAGE_FULL         one
  construction-mcp errors CRON_NEVER                  one of a workflow's problems
  construction-mcp errors --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", help="an error code")


def run(args: argparse.Namespace) -> int:
    from construction_mcp.workflow.problem_codes import PROBLEM_CODES

    known: dict[str, ErrorCode | ProblemCode] = {**CATALOGUE, **PROBLEM_CODES}
    code = args.code.upper() if args.code else None
    if code and code not in known:
        raise Invalid(f"There is no error code {code}.", details={"nearest": nearest(code, known)})
    chosen = {code: known[code]} if code else known
    text = "\n".join(f"{name}\n    {entry[0]}\n    {entry[1]}" for name, entry in chosen.items())
    show(args, {name: entry._asdict() for name, entry in chosen.items()}, text)
    return 0
