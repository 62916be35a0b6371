"""`construction-mcp demo`: see it work, on a real server, with every claim checked.

The one room beside server/ that imports `mcp`: here we are the client, so that the demo passes through the same door as
Claude Desktop or an IDE, and a broken door breaks the demo.
"""

import argparse
import shutil
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

from construction_mcp.cli import called_as, show
from construction_mcp.core.errors import Invalid

if TYPE_CHECKING:
    from construction_mcp.cli.demo.story import Check

HELP = "See it work: a real server in a temporary directory, no account, no network."
EXAMPLES = """\
  construction-mcp demo                  about ten seconds, with time to read
  construction-mcp demo --fast           no pauses
  construction-mcp demo --fast --json    every check, for programs
  construction-mcp demo --keep           leave the workspace to look at
"""
WIDTH = 110
PAUSE_S = 0.7  # time to read a line; only for a person at a terminal

INTRO = """\
construction-mcp demo

This starts the real server the way Claude Desktop does, talks to it as an AI client would, and checks every claim.
Everything happens in a temporary directory; no account and no network are used.
"""
NOT_YET = (
    "Approvals, mail and webhooks: they work, and this demo does not walk through them yet.",
    "Your own Procore: what you saw ran on a built-in sample company.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="no pauses")
    parser.add_argument("--keep", action="store_true", help="do not delete the workspace at the end")


def run(args: argparse.Namespace) -> int:
    import anyio

    from construction_mcp.cli.demo.story import Failed, play

    if args.data_dir:
        raise Invalid("The demo makes its own workspace.", hint="Drop --data-dir; --keep leaves the demo's own.")
    workspace = Path(tempfile.mkdtemp(prefix="construction-mcp-demo-"))
    told: list[Check] = []
    narrator = _Narrator(told, quiet=args.json, pause_s=0.0 if args.fast or not sys.stdout.isatty() else PAUSE_S)
    narrator.say(INTRO)
    try:
        anyio.run(play, workspace, narrator.tell)
        ok = True
    except Failed:
        ok = False  # told as the last check
    finally:
        if not args.keep:
            shutil.rmtree(workspace, ignore_errors=True)
    answer = {
        "ok": ok,
        "checks": [check.public() for check in told],
        "not_yet": NOT_YET,
        "workspace": str(workspace) if args.keep else None,
    }
    show(args, answer, _ending(ok=ok, count=len(told), workspace=workspace if args.keep else None))
    return 0 if ok else 1


class _Narrator:
    """Tells each check as soon as it is known."""

    def __init__(self, told: "list[Check]", *, quiet: bool, pause_s: float) -> None:
        self._told = told
        self._quiet = quiet
        self._pause_s = pause_s

    def say(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def tell(self, check: "Check") -> None:
        self._told.append(check)
        lines = [f"  [{'ok' if check.verified else 'FAILED'}] {check.claim} ({check.ms:.0f} ms)"]
        for detail in check.detail.splitlines():
            lines += textwrap.wrap(detail, WIDTH, initial_indent=" " * 7, subsequent_indent=" " * 7)
        self.say("\n".join(lines))
        time.sleep(self._pause_s)


def _ending(*, ok: bool, count: int, workspace: Path | None) -> str:
    kept = f"\nThe workspace is in {workspace}; look at it with:\n{called_as()} doctor --data-dir {workspace}\n"
    if not ok:
        end = f"\nThe demo failed at the last line above; {called_as()} doctor may know why."
        return f"{end}{kept if workspace else ''}"
    lines = [f"\nAll {count} claims were checked.{kept if workspace else ''}", "Not shown, or not there yet:"]
    lines += [f"  - {text}" for text in NOT_YET]
    return "\n".join([*lines, f"\nNext: {called_as()} install claude-desktop"])
