"""`construction-mcp users`: who may reach this workspace over HTTP, and as what."""

import argparse
from collections.abc import Mapping
from typing import Any

from construction_mcp.cli import run_on_directory, show
from construction_mcp.core.errors import Invalid
from construction_mcp.core.types import Role

HELP = "Add, list or revoke the people of this workspace, or give one a new bearer."
EXAMPLES = """\
  construction-mcp users add "Ana Ruiz" --role builder     prints her bearer, once
  construction-mcp users list
  construction-mcp users rotate user_01k...                a new bearer; the old one stops at once
  construction-mcp users revoke user_01k...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["add", "list", "revoke", "rotate"])
    parser.add_argument("who", nargs="?", help="add: a name; revoke and rotate: a user id")
    parser.add_argument("--role", choices=[role.value for role in Role], default=Role.VIEWER.value, help="of add")
    parser.add_argument("--expires-in-days", type=int, metavar="DAYS", help="add: the bearer ends by itself")


def run(args: argparse.Namespace) -> int:
    answer = run_on_directory(args, f"users.{args.action}", _arguments(args))
    show(args, answer, _text(answer))
    return 0


def _arguments(args: argparse.Namespace) -> dict[str, Any]:
    if args.action == "list":
        return {}
    if not args.who:
        raise Invalid(f"`users {args.action}` needs {'a name' if args.action == 'add' else 'a user id'}.")
    if args.action == "add":
        return {"name": args.who, "role": args.role, "expires_in_days": args.expires_in_days}
    return {"user_id": args.who}


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
