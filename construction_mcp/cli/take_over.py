"""`construction-mcp take-over`: a restored copy becomes the live workspace."""

import argparse

from construction_mcp.cli import run_on_directory, show

HELP = "End the standby of a restored copy; do it once the original is off."
EXAMPLES = """\
  construction-mcp take-over --data-dir ./copy
"""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None beyond the common ones."""


def run(args: argparse.Namespace) -> int:
    answer = run_on_directory(args, "take-over", {})
    show(args, answer, "standby ended" if answer["was_standby"] else "it was not in standby")
    return 0
