"""`construction-mcp connect`: link a Procore account from a terminal, or say what is still missing for it."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from construction_mcp.cli import launch_of, run_on_directory, show

HELP = "Connect a Procore account, or explain what is needed first."
EXAMPLES = """\
  construction-mcp connect                     explains, checks the credentials, signs in
  construction-mcp connect --request           a message for the admin who has to install the app
  construction-mcp connect --code 9f3c...      finishes a sign-in begun elsewhere
  construction-mcp connect --company 8089      the company of calls that name none
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--request", action="store_true", help="print what to send to the company admin")
    parser.add_argument("--code", metavar="CODE", help="the code that Procore's page showed after signing in")
    parser.add_argument("--company", type=int, metavar="ID", help="make this the default company")
    parser.add_argument("--again", action="store_true", help="sign in anew although an account is connected")


def run(args: argparse.Namespace) -> int:
    if args.request:
        return _print_request(args)
    if args.code:
        return _finish(args, args.code)
    state = run_on_directory(args, "connect.look", {})
    if state["status"] == "app_missing":
        return _explain(args, state)
    if state["status"] == "connected" and args.company:
        state = {**state, **run_on_directory(args, "connect.company", {"company_id": args.company})}
    if state["status"] == "not_connected" or (state["status"] == "connected" and args.again):
        return _sign_in(args)
    show(args, state, _told(state))
    return 1 if state["problem"] else 0


def _print_request(args: argparse.Namespace) -> int:
    """From the settings alone: whoever prints it has no access yet."""
    from construction_mcp.cli.connect.guide import request_to_admin
    from construction_mcp.core.config import load_settings

    text = request_to_admin(load_settings(launch_of(args)))
    show(args, {"request": text}, text)
    return 0


def _explain(args: argparse.Namespace, state: Mapping[str, Any]) -> int:
    from construction_mcp.cli.connect.guide import portal_steps, redirect_uris
    from construction_mcp.core.config import load_settings

    settings = load_settings(launch_of(args))
    show(args, {**state, "redirect_uris": redirect_uris(settings)}, portal_steps(settings))
    return 1


def _sign_in(args: argparse.Namespace) -> int:
    """Give the link; ask for the code when somebody is there to type it."""
    begun = run_on_directory(args, "connect.begin", {"company_id": args.company})
    show(args, begun, f"Open this address and sign in; the last page shows a code:\n\n  {begun['url']}\n")
    if args.json or not sys.stdin.isatty():
        print("Then: construction-mcp connect --code CODE", file=sys.stderr)
        return 0
    return _finish(args, input("Code: "))


def _finish(args: argparse.Namespace, code: str) -> int:
    state = run_on_directory(args, "connect.finish", {"code": code.strip(), "company_id": args.company})
    show(args, state, _told(state))
    return 1 if state["problem"] else 0


def _told(state: Mapping[str, Any]) -> str:
    who = state["user"] or state["login"] or "an account"
    head = f"Connected as {who}" if state["status"] == "connected" else f"The service account works: {who}"
    lines = [f"{head}." if state["projects"] is None else f"{head}; {state['projects']} projects are visible."]
    lines += [
        f"  {company['id']}  {company['name']}{'  (default)' if company['is_default'] else ''}"
        for company in state["companies"]
    ]
    if len(state["companies"]) > 1 and not any(company["is_default"] for company in state["companies"]):
        lines.append("Choose the default one: construction-mcp connect --company ID")
    if state["problem"]:
        details = state["problem"]["details"]
        lines += [f"{state['problem']['code']}: {state['problem']['message']}", *filter(None, [details.get("hint")])]
    return "\n".join(lines)
