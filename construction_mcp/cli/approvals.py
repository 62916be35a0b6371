"""`construction-mcp approvals`: see what waits for a person, and decide it as the person at this machine."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from construction_mcp.cli import run_on_directory, show
from construction_mcp.core.errors import Invalid

HELP = "List what waits for a person's decision, look at one, approve or reject it."
EXAMPLES = """\
  construction-mcp approvals                               what is pending
  construction-mcp approvals show apr_01k...               all of it, and the code that decides it from a chat
  construction-mcp approvals approve apr_01k... --edit "answer=Use type B" --comment "as on site"
  construction-mcp approvals reject apr_01k... --comment "wrong drawing"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", default="list", choices=["list", "show", "approve", "reject"])
    parser.add_argument("approval_id", nargs="?", metavar="ID", help="show, approve and reject: which")
    parser.add_argument("--edit", action="append", metavar="NAME=VALUE", help="approve: change an editable value first")
    parser.add_argument("--comment", help="approve and reject: a word with it")
    parser.add_argument("--all", action="store_true", help="list: decided and expired ones too")


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        answer = run_on_directory(args, "approvals.list", {"all": args.all})
        show(args, answer, "\n".join(_line(one) for one in answer["approvals"]) or "nothing is waiting")
        return 0
    if not args.approval_id:
        raise Invalid(f"`approvals {args.action}` needs an id.", hint="`construction-mcp approvals` lists them.")
    shown = run_on_directory(args, "approvals.show", {"approval_id": args.approval_id})
    if args.action == "show":
        show(args, shown, _whole(shown["approval"], shown["code"]))
        return 0
    approval = shown["approval"]
    decision = {
        "approval_id": args.approval_id,
        "digest": approval["digest"],
        "decision": args.action,
        "edits": _edits(args.edit or (), approval["shown"]),
        "comment": args.comment,
    }
    answer = run_on_directory(args, "approvals.decide", decision)
    show(args, answer, f"{answer['approval']['status']}: {answer['approval']['summary']}")
    return 0


def _edits(written: Sequence[str], shown: Mapping[str, Any]) -> dict[str, Any]:
    """`name=value` by name; the value is JSON where what is shown is no text."""
    edits = {}
    for one in written:
        name, separator, value = one.partition("=")
        if not separator:
            raise Invalid(f"--edit {one!r} is not name=value.")
        edits[name] = value if isinstance(shown.get(name, ""), str | None) else _json(name, value)
    return edits


def _json(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise Invalid(f"{name} is not a text: write its value as JSON.") from None


def _line(approval: Mapping[str, Any]) -> str:
    return f"{approval['id']}  {approval['status']:9}  until {approval['expires_at']}  {approval['summary']}"


def _whole(approval: Mapping[str, Any], code: str | None) -> str:
    shown = [f"  {name}: {_text(value)}" for name, value in approval["shown"].items()]
    lines = [_line(approval), *shown, f"asked of: {', '.join(approval['approvers']) or 'any approver'}"]
    if approval["editable"]:
        lines.append(f"may be edited: {', '.join(approval['editable'])}")
    if approval["decided_by"]:
        lines.append(f"decided by {approval['decided_by']} ({approval['decided_how']})")
    if code:
        lines.append(f"code, for the person to give in a chat: {code}")
    return "\n".join(lines)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
