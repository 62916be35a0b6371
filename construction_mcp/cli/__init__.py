"""The command line: one module per command, found by its file name. Nothing heavy is imported before a command runs.

A command module has `HELP` (one line), `EXAMPLES`, `add_arguments(parser)` and `run(args) -> int`.
"""

import argparse
import asyncio
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from construction_mcp import __version__
from construction_mcp.core.errors import Conflict, ConstructionError
from construction_mcp.core.launch import COMMON_FLAGS, ENVIRONMENTS, LOG_LEVELS, Launch, read_launch

DESCRIPTION = """\
Automate construction work on Procore from an AI client.

Without a command this speaks MCP over stdin and stdout: what Claude Desktop or an IDE starts. The commands below are
for people.
"""
EXAMPLES = """\
examples:
  construction-mcp demo                          see it work, no account needed
  construction-mcp install claude-desktop        let Claude Desktop start it
  construction-mcp serve                         one server for a team, over HTTP
  construction-mcp doctor                        what is set up, what is missing
"""


def main(argv: Sequence[str]) -> int:
    """Run one command; 0 done, 1 failed with a reason on stderr, 2 wrongly called."""
    args = parser_for(argv).parse_args(argv)
    try:
        return int(args.run(args))
    except ConstructionError as error:
        return _explain(error, as_json=getattr(args, "json", False))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe is gone; say nothing more, not even while the interpreter closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def launch_of(args: argparse.Namespace) -> Launch:
    """The start-up choices of a parsed command line; flags that were not given fall to the environment."""
    fields = {field for field, _ in COMMON_FLAGS.values()}
    flags = {name: value for name, value in vars(args).items() if name in fields and value is not None}
    return read_launch(flags, os.environ)


def called_as() -> str:
    """How a person started this, to be repeated with other words: a script off PATH is not found by its bare name."""
    started = sys.argv[0] if sys.argv else ""
    is_module = Path(started).name == "__main__.py"
    return f"{sys.executable} -m construction_mcp" if is_module or not started else started


def show(args: argparse.Namespace, value: Any, text: str) -> None:
    """Print an answer: JSON with `--json`, else the text for people."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str) if args.json else text)


def run_on_directory(args: argparse.Namespace, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Run an entry of `commands.COMMANDS` on the data directory: in the process that owns it, else here under the lock.

    Raises:
        ConstructionError: what the command raised, also when it ran in the owner.
    """
    from construction_mcp.core.ownership import ask_owner, take

    launch = launch_of(args)
    ownership = take(launch.data_dir, kind="command")
    if ownership is None:
        answer: dict[str, Any] = ask_owner(launch.data_dir, command, dict(arguments))
        return answer
    try:
        return asyncio.run(_run_here(launch, command, arguments))
    finally:
        ownership.release()


@contextmanager
def exclusively(args: argparse.Namespace) -> Iterator[Launch]:
    """Hold the data directory's lock for a command that cannot run inside a living owner.

    Raises:
        Conflict: SYSTEM_DIRECTORY_OWNED, naming the owner.
    """
    from construction_mcp.core.ownership import holder_of, take

    launch = launch_of(args)
    ownership = take(launch.data_dir, kind="command")
    if ownership is None:
        holder = holder_of(launch.data_dir)
        raise Conflict(
            "Another process owns the data directory.",
            code="SYSTEM_DIRECTORY_OWNED",
            hint="Stop it, then repeat.",
            details={} if holder is None else {"pid": holder.pid, "kind": holder.kind},
        )
    try:
        yield launch
    finally:
        ownership.release()


async def _run_here(launch: Launch, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    from construction_mcp.bootstrap import House
    from construction_mcp.commands import COMMANDS
    from construction_mcp.core.config import load_settings

    async with House(load_settings(launch)) as house:
        return await COMMANDS[command](house, arguments)


def parser_for(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Every command's name and help line; only the chosen one gets its arguments."""
    parser = argparse.ArgumentParser(
        prog="construction-mcp",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"construction-mcp {__version__}")
    _add_common(parser, default=None)
    bridge = parser.add_argument_group("without a command: speak for a server elsewhere")
    bridge.add_argument("--server", dest="server_url", metavar="URL", help="its MCP address, https://.../mcp")
    bridge.add_argument("--token-file", metavar="FILE", help="the file with its bearer token")
    commands = parser.add_subparsers(metavar="command", required=True)
    for name in command_names():
        module = importlib.import_module(f"construction_mcp.cli.{name.replace('-', '_')}")
        child = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=f"examples:\n{module.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Suppressed, not None: a flag given before the command's name must not be overwritten by its absence after it.
        _add_common(child, default=argparse.SUPPRESS)
        child.add_argument("--json", action="store_true", help="print the answer as JSON")
        child.set_defaults(run=module.run)
        if name in argv:
            module.add_arguments(child)
    return parser


def command_names() -> list[str]:
    """The commands there are: the modules of this package."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def _add_common(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    group = parser.add_argument_group("common options (as variables: CONSTRUCTION_MCP_DATA_DIR and so on)")

    def add(flag: str, **settings: Any) -> None:
        group.add_argument(flag, default=default, **settings)

    add("--data-dir", metavar="DIR", help="the workspace: one directory, one team")
    add("--toolsets", metavar="NAMES", help="toolsets to list, comma-separated, or all")
    add("--read-only", action="store_true", help="offer nothing that changes anything")
    add("--environment", metavar="NAME", choices=ENVIRONMENTS, help=f"PROCORE_ENVIRONMENT: {', '.join(ENVIRONMENTS)}")
    add("--log-level", metavar="LEVEL", choices=LOG_LEVELS, help=f"how much goes to stderr: {', '.join(LOG_LEVELS)}")
    add("--config", dest="config_file", metavar="FILE", help="settings as TOML")


def _explain(error: ConstructionError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(error.public()))
    print(f"{error.code}: {error.message}", *([error.hint] if error.hint else []), sep="\n", file=sys.stderr)
    return 1
