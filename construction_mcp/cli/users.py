"""`construction-mcp users`: who may reach this workspace over HTTP, and as what."""

import argparse
from collections.abc import Mapping
from typing import Any

from construction_mcp.cli import run_on_directory, show
from construction_mcp.core.types import Role

HELP = "Add, list or revoke the people of this workspace, or give one a new bearer."
EXAMPLES = """\
  construction-mcp users add "Ana Ruiz" --role builder     prints her bearer, once
  construction-mcp users list
  construction-mcp users rotate user_01k...                a new bearer; the old one stops at once
  construction-mcp users revoke user_01k...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="add|list|revoke|rotate", required=True)
    add = actions.add_parser("add", help="add a person")
    add.add_argument("name")
    add.add_argument("--role", choices=[role.value for role in Role], default=Role.VIEWER.value)
    add.add_argument("--expires-in-days", type=int, metavar="DAYS", help="the bearer ends by itself")
    actions.add_parser("list", help="list everybody")
    for action in ("revoke", "rotate"):
        actions.add_parser(action, help=f"{action} a person's bearer").add_argument("user_id")


def run(args: argparse.Namespace) -> int:
    names = ("name", "role", "expires_in_days", "user_id")
    arguments = {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}
    answer = run_on_directory(args, f"users.{args.action}", arguments)
    show(args, answer, _text(answer))
    return 0


def _text(answer: Mapping[str, Any]) -> str:
    users = answer["users"] if "users" in answer else [answer["user"]]
    lines = [_line(user) for user in users] or ["nobody yet"]
    if "bearer" in answer:
        lines.append(f"bearer (shown only now): {answer['bearer']}")
    return "\n".join(lines)


def _line(user: Mapping[str, Any]) -> str:
    if user["revoked_at"]:
        state = f"revoked {user['revoked_at']}"
    else:
        state = f"expires {user['expires_at']}" if user["expires_at"] else "active"
    return f"{user['id']}  {user['role']:8}  {user['preview']}  {state}  {user['name']}"
