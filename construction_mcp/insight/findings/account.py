"""Whether it has an account to work with, and whether that account is still let in."""

from collections.abc import Iterator

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, again, catalogued, certain

_LOGIN = ("PROCORE_NOT_CONNECTED", "AUTH_RECONNECT")
_LASTING = ("PROCORE_APP_NOT_CONNECTED", "PROCORE_CREDENTIALS", "PROCORE_APP_MISSING")


def found(case: Case) -> Iterator[Finding]:
    """By the link that is kept, then by what Procore said to it a moment ago."""
    place = case.evidence.place
    if place.active_version is None or not uses_procore(case):
        return
    if not case.here.is_service and not place.is_connected:
        seen = [f"It runs as {place.run_as}, who has no account linked in {place.environment}."]
        call = Call("connect_procore", {}, "link the account, as the person it runs as")
        yield catalogued("PROCORE_NOT_CONNECTED", "error", 1.0, seen, call)
    trouble = case.live.trouble or {}
    code = str(trouble.get("code", ""))
    seen = [f"Procore was asked just now: {trouble.get('message', '')}"]
    if code in _LOGIN:
        call = Call("connect_procore", {"again": True}, "sign in again, as the person it runs as")
        yield catalogued(code, "error", 1.0, seen, call)
    if code in _LASTING:
        yield catalogued(code, "error", 1.0, seen, _check())
    if place.run_as_revoked_at is not None:
        seen = [f"{place.run_as} lost access to this workspace at {place.run_as_revoked_at.isoformat()}."]
        why = "Whoever it runs as is no longer a user here: nobody hears of its failures or renews its account."
        fix = "Somebody who stays makes it theirs: import what export_workflow gives, and deploy that."
        call = Call("export_workflow", {"workflow_id": place.id}, "take it over as another person")
        yield certain("RUN_AS_REVOKED", seen, why, fix, call, "warning")


def uses_procore(case: Case) -> bool:
    """Whether it needs an account at all."""
    place = case.evidence.place
    return place.acts_in_procore or place.trigger_type == "poll" or place.trigger_source == "procore"


def _check() -> Call:
    return Call("check_procore_connection", {}, "see whether Procore lets the account in")


def allowed(case: Case, code: str, execution_id: str, type_: str, request: str) -> Call:
    """After a refusal: run it again where Procore would let it now, else see what the account may do."""
    live, project_id = case.live, case.evidence.place.project_id
    tool = case.tool_of(type_) or ""
    is_let_in = live.trouble is None and live.user_id is not None
    is_open = live.unreadable[tool] is None if tool in live.unreadable else code == "PROCORE_APP_NOT_CONNECTED"
    if request in live.asked_again:
        is_open = live.asked_again[request] is None
    if is_let_in and is_open and live.switched.get(tool.lower()) is not False:
        return again(case, execution_id, "Procore answers the same request now: run it again")
    arguments = {} if project_id is None else {"project_id": project_id}
    return Call("check_procore_connection", arguments, "see what the account may do there")
