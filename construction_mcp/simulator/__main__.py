"""`python -m construction_mcp.simulator`: the simulate command without the rest of the command line."""

import argparse
import sys

from construction_mcp.cli import simulate
from construction_mcp.core.errors import ConstructionError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="construction-mcp simulate",
        description=simulate.HELP,
        epilog=simulate.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    simulate.add_arguments(parser)
    try:
        return simulate.run(parser.parse_args())
    except ConstructionError as why:
        sys.stderr.write(f"{why.message}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
