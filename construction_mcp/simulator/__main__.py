"""`python -m construction_mcp.simulator`: the simulate command without the rest of the command line."""

import argparse
import sys

from construction_mcp.core.errors import ConstructionError
from construction_mcp.simulator import command


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="construction-mcp simulate",
        description=command.HELP,
        epilog=f"examples:\n{command.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one line of addresses and credentials on stdout")
    command.add_arguments(parser)
    try:
        return command.run(parser.parse_args())
    except ConstructionError as why:
        sys.stderr.write(f"{why.code}: {why.message}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
