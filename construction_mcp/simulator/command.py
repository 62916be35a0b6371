"""The flags of `simulate`, light enough for a help text: the server is imported when it runs."""

import argparse
from pathlib import Path

HELP = "Run the Procore simulator alone, with invented data."
EXAMPLES = """\
  construction-mcp simulate                                     on http://127.0.0.1:8766, limits as documented
  construction-mcp simulate --port 0 --json --rate-limit off    any free port; one line of JSON with credentials
  construction-mcp simulate --scale large --state sim.db        100,000 RFIs; changes survive a restart
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8766, metavar="N", help="loopback port; 0 picks a free one (8766)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed gives the same data (1)")
    parser.add_argument("--scale", choices=("small", "medium", "large"), default="medium", help="how much (medium)")
    parser.add_argument(
        "--rate-limit", default="docs", metavar="LIMIT", help="docs (600/3600,25/10), off, or N/seconds,N/seconds"
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a JSON array of scripted faults")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep changes in FILE; without it in memory")
    parser.add_argument(
        "--redirect-uri", default="http://localhost", metavar="URI", help="an address the app may redirect to"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal.

    Raises:
        Invalid: an option cannot be used; the message says which.
    """
    from construction_mcp.simulator.server import Options, serve

    return serve(
        Options(
            port=args.port,
            seed=args.seed,
            scale=args.scale,
            rate_limit=args.rate_limit,
            faults=args.faults,
            state=args.state,
            redirect_uri=args.redirect_uri,
            as_json=args.json,
        )
    )
