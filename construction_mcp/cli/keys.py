"""`construction-mcp keys`: the key that opens stored tokens."""

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from construction_mcp.cli import exclusively, run_on_directory, show
from construction_mcp.core.errors import Invalid

if TYPE_CHECKING:
    from construction_mcp.core.launch import Launch

HELP = "Show which key the workspace belongs to, replace it, or tell a webhook's receiver how to know us."
EXAMPLES = """\
  construction-mcp keys status
  construction-mcp keys rotate      seals everything stored again with a new key
  construction-mcp keys webhook --url https://erp.builder.com/in    the secret that its signatures are checked with
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["status", "rotate", "webhook"])
    parser.add_argument("--url", help="the address that notifications are posted to")


def run(args: argparse.Namespace) -> int:
    if args.action == "status":
        answer = run_on_directory(args, "keys.status", {})
        show(args, answer, f"key {answer['fingerprint']} from {answer['source']}")
        return 0
    if args.action == "webhook":
        if args.url is None:
            raise Invalid("Which receiver? Add --url with its address.")
        answer = run_on_directory(args, "keys.webhook", {"url": args.url})
        show(args, answer, f"{answer['secret']}\nKnown to the receiver only; another one after `keys rotate`.")
        return 0
    # Not in a living owner: it could seal with the old key after everything was sealed again.
    with exclusively(args) as launch:
        answer = asyncio.run(_rotate(launch))
    show(args, answer, f"key {answer['fingerprint']} is in use; {answer['resealed']} stored secrets were sealed again")
    return 0


async def _rotate(launch: "Launch") -> dict[str, Any]:
    from construction_mcp.core.config import load_settings
    from construction_mcp.store import connections, hooks
    from construction_mcp.store.database import Database
    from construction_mcp.store.meta import rotate_key

    settings = load_settings(launch)
    database = await Database.open(settings.database_file, limits=settings.limits)
    try:
        ring, count = await rotate_key(database, settings, [connections.reseal, hooks.reseal])
    finally:
        await database.close()
    return {"fingerprint": ring.fingerprint, "resealed": count}
