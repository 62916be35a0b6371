"""Where every command starts. Without one this is MCP over stdio, whose first answer may not wait for an import."""

import os
import sys
from collections.abc import Sequence

FOR_PEOPLE = (
    "construction-mcp is waiting for an AI client on this terminal's input; Ctrl+D ends it.\n"
    "People start with: construction-mcp --help"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    from construction_mcp.core.launch import parse_stdio_flags

    words = sys.argv[1:] if argv is None else argv
    flags = parse_stdio_flags(words)
    if flags is None:
        from construction_mcp.cli import main as run_command

        return run_command(words)
    return _serve_stdio(flags)


def _serve_stdio(flags: dict[str, object]) -> int:
    from construction_mcp.core.errors import Invalid
    from construction_mcp.core.launch import read_launch
    from construction_mcp.front.run import run

    try:
        launch = read_launch(flags, os.environ)
    except Invalid as problem:
        print(f"construction-mcp: {problem.message} {problem.hint or ''}".rstrip(), file=sys.stderr)  # noqa: T201 - stderr
        return 2
    if os.isatty(0):
        print(FOR_PEOPLE, file=sys.stderr)  # noqa: T201 - somebody typed the bare command and would wait for nothing
    return run(launch)


if __name__ == "__main__":
    sys.exit(main())
