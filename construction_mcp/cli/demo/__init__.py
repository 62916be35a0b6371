"""`construction-mcp demo`: see it work, on real processes, with every claim checked.

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
    from construction_mcp.cli.demo.claims import Check

HELP = "See it work: the main job from connecting to a mended failure; no account, no network."
EXAMPLES = """\
  construction-mcp demo                  under two minutes, with time to read
  construction-mcp demo --fast           no pauses, under a minute
  construction-mcp demo --fast --json    every check, for programs
  construction-mcp demo --keep           leave the workspace to look at
"""
WIDTH = 110
PAUSE_S = 0.7  # time to read a line; only for a person at a terminal
_FAST_UNTIL_S = 50.0  # how long --fast waits for the schedule's minute at most, from the start
_UNTIL_S = 110.0

INTRO = """\
construction-mcp demo

Real processes on this machine: our server, a Procore (the built-in simulator), a mail server, and AI clients that
talk to ours as Claude Desktop would. You are the project engineer of an invented builder. No account, no network.
Each line below was checked before it was printed: in Procore's ledger, in the inbox, in a browser, by a client.
"""
NOT_SHOWN = ("Your own Procore: what you saw ran on an invented company in the built-in simulator.",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="no pauses")
    parser.add_argument("--keep", action="store_true", help="do not delete the workspace at the end")


def run(args: argparse.Namespace) -> int:
    import anyio

    from construction_mcp.cli.demo.claims import Failed
    from construction_mcp.cli.demo.story import play

    if args.data_dir:
        raise Invalid("The demo makes its own workspace.", hint="Drop --data-dir; --keep leaves the demo's own.")
    workspace = Path(tempfile.mkdtemp(prefix="construction-mcp-demo-"))
    told: list[Check] = []
    narrator = _Narrator(told, quiet=args.json, pause_s=0.0 if args.fast or not sys.stdout.isatty() else PAUSE_S)
    narrator.say(INTRO)
    ends_by = time.monotonic() + (_FAST_UNTIL_S if args.fast else _UNTIL_S)
    not_shown: tuple[str, ...] = NOT_SHOWN
    try:
        not_shown = (*anyio.run(play, workspace, narrator.tell, ends_by), *NOT_SHOWN)
        ok = True
    except Failed:
        ok = False  # told as the last check
    finally:
        if not args.keep:
            shutil.rmtree(workspace, ignore_errors=True)
    answer = {
        "ok": ok,
        "checks": [check.public() for check in told],
        "not_shown": not_shown,
        "workspace": str(workspace) if args.keep else None,
    }
    show(args, answer, _ending(not_shown, ok=ok, count=len(told), workspace=workspace if args.keep else None))
    return 0 if ok else 1


class _Narrator:
    """Tells each check as soon as it is known, under the act that it belongs to."""

    def __init__(self, told: "list[Check]", *, quiet: bool, pause_s: float) -> None:
        self._told = told
        self._quiet = quiet
        self._pause_s = pause_s
        self._act = ""

    def say(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def tell(self, check: "Check") -> None:
        self._told.append(check)
        if check.act != self._act:
            self._act = check.act
            self.say(f"\n{check.act}")
        mark = f"  [{'ok' if check.verified else 'FAILED'}] "
        lines = textwrap.wrap(
            f"{check.claim} ({_took(check.ms)})", WIDTH, initial_indent=mark, subsequent_indent=_INDENT
        )
        for detail in check.detail.splitlines():
            lines += textwrap.wrap(detail, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT) or [_INDENT]
        self.say("\n".join(lines))
        time.sleep(self._pause_s)


_INDENT = " " * 7


def _took(ms: float) -> str:
    return f"{ms / 1000:.1f} s" if ms >= 1000 else f"{ms:.0f} ms"


def _ending(not_shown: tuple[str, ...], *, ok: bool, count: int, workspace: Path | None) -> str:
    kept = f"\nThe workspace is in {workspace}; look at it with:\n{called_as()} doctor --data-dir {workspace}\n"
    if not ok:
        end = f"\nThe demo failed at the last line above; {called_as()} doctor may know why."
        return f"{end}{kept if workspace else ''}"
    lines = [f"\nAll {count} claims were checked.{kept if workspace else ''}", "Not shown:"]
    lines += [f"  - {text}" for text in not_shown]
    return "\n".join([*lines, f"\nNext: {called_as()} install claude-desktop"])
