"""`construction-mcp service`: keep `serve` running after logon, by the platform's own means."""

import argparse
import importlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from construction_mcp.cli import show
from construction_mcp.core.errors import NotFound

if TYPE_CHECKING:
    from construction_mcp.cli.service.plan import Plan

HELP = "Keep serve running after you log on: install, status, remove."
EXAMPLES = """\
  construction-mcp service install --dry-run      show the file and the commands, do nothing
  construction-mcp service install --port 8765
  construction-mcp service status
  construction-mcp service remove
"""
BY_HAND = (
    "Nothing was written. Log on normally (not through su or a container) and repeat, "
    "or run `construction-mcp serve` by hand; --dry-run shows what would be done."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["install", "status", "remove"], help="what to do")
    parser.add_argument("--dry-run", action="store_true", help="print the file and the commands, do nothing")
    for flag, meaning in (
        ("--host", "serve: address"),
        ("--port", "serve: port"),
        ("--token-file", "serve: its token"),
    ):
        parser.add_argument(flag, help=f"passed on to {meaning}")


def run(args: argparse.Namespace) -> int:
    plan = plan_for(sys.platform, args)
    if args.action == "status":
        return _status(args, plan)
    if args.action == "remove":
        return _remove(args, plan)
    return _install(args, plan)


def plan_for(platform: str, args: argparse.Namespace) -> "Plan":
    """The platform's way of running `serve` with the flags of this command line."""
    from construction_mcp.cli.install.entry import own_command, passed_on

    command = [*own_command(platform=platform), "serve", *passed_on(args), *_serve_flags(args)]
    name = {"win32": "windows", "darwin": "macos"}.get(platform, "linux")
    module = importlib.import_module(f"construction_mcp.cli.service.{name}")
    plan: Plan = module.plan(command)
    return plan


def _serve_flags(args: argparse.Namespace) -> Iterator[str]:
    # Absolute, because a service does not start in this directory.
    token_file = Path(args.token_file).expanduser().absolute() if args.token_file else None
    for flag, value in (("--host", args.host), ("--port", args.port), ("--token-file", token_file)):
        if value is not None:
            yield from (flag, str(value))


def _install(args: argparse.Namespace, plan: "Plan") -> int:
    from construction_mcp.cli.service.plan import require

    if not args.dry_run:
        # Asked before anything is written, so that a machine without the manager is left as it was.
        require(plan.reach, f"{plan.manager} cannot be reached from here", BY_HAND)
        plan.file.parent.mkdir(parents=True, exist_ok=True)
        plan.file.write_text(plan.text, encoding=plan.encoding)
        for command in plan.start:
            require(command, f"{plan.manager} did not start it", "`construction-mcp service remove` undoes this.")
    text = f"# {plan.file}\n{plan.text}\n{_commands(plan.start)}"
    end = "Nothing was done." if args.dry_run else f"It runs. {plan.hint}"
    answer = {"file": str(plan.file), "content": plan.text, "commands": plan.start, "dry_run": args.dry_run}
    show(args, answer, f"{text}\n\n{end}")
    return 0


def _remove(args: argparse.Namespace, plan: "Plan") -> int:
    from construction_mcp.cli.service.plan import succeeds

    if not plan.file.exists():
        raise NotFound("No service is installed.", hint="`construction-mcp service install` makes one.")
    said = []
    if not args.dry_run:
        # The manager may be gone or the service stopped already: the file goes all the same, and what it said is told.
        said = [answer for done, answer in map(succeeds, plan.stop) if not done]
        plan.file.unlink()
        said += [answer for done, answer in map(succeeds, plan.after_remove) if not done]
    steps = f"{_commands(plan.stop)}\ndelete {plan.file}"
    end = "Nothing was done." if args.dry_run else "It is removed."
    answer = {"file": str(plan.file), "commands": plan.stop, "dry_run": args.dry_run, "problems": said}
    show(args, answer, "\n".join([steps, *said, end]))
    return 0


def _status(args: argparse.Namespace, plan: "Plan") -> int:
    from construction_mcp.cli.service.plan import succeeds

    installed = plan.file.exists()
    running, said = succeeds(plan.status) if installed else (False, "`construction-mcp service install` makes one.")
    state = "running" if running else "installed, not running" if installed else "not installed"
    show(args, {"installed": installed, "running": running, "said": said}, f"{state} ({plan.manager})\n{said}")
    return 0 if running else 1


def _commands(commands: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"$ {shlex.join(command)}" for command in commands)
