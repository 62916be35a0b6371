"""`simulate`: the Procore simulator alone, for developing and for other people's clients."""

import argparse
from pathlib import Path

HELP = "Run the Procore simulator alone, with invented data."
EXAMPLES = """\
  construction-mcp simulate
  construction-mcp simulate --port 0 --json --rate-limit off --redirect-uri http://localhost:8765/oauth/callback
  construction-mcp simulate --scale large --state /tmp/procore.db --faults faults.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8766, help="loopback port; 0 picks one (default 8766)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (default 1)")
    parser.add_argument("--scale", choices=("small", "medium", "large"), default="medium", help="how much data")
    parser.add_argument(
        "--rate-limit", default="docs", metavar="docs|off|N/S,N/S", help="requests per seconds (docs: 600/3600,25/10)"
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="JSON array of scripted faults")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep changes in FILE; in memory without")
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
