"""Whether anything can arrive at all: the hook at Procore, its address and secret, and how long it has been quiet."""

from collections.abc import Iterator

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, certain, deploy, grown
from construction_mcp.procore.records.hooks import Upstream
from construction_mcp.store.evidence import Hooked

_DAY_S = 86_400
_LIVE = (None, "active", "enabled")  # what Procore calls a hook that it posts to


def found(case: Case) -> Iterator[Finding]:
    """At Procore first, then at our door, then the silence itself."""
    place, hook = case.evidence.place, case.evidence.hook
    if place.status != "active" or place.trigger_type != "webhook":
        return
    if hook is not None and hook.source == "procore" and case.live.hooks is not None:
        yield from _at_procore(case, hook)
    if hook is not None and _is_turned_away(hook):
        yield _turned_away(case, hook)
    if hook is not None and not case.evidence.arrived and not case.evidence.runs:
        yield _silence(case)


def _at_procore(case: Case, hook: Hooked) -> Iterator[Finding]:
    upstream = next((one for one in case.live.hooks or () if _is_same(hook, one)), None)
    address = case.here.address_of(hook.id)
    call = deploy(case, "deploying the same again makes its webhook anew")
    if upstream is None:
        seen = [f"Procore has no webhook {hook.procore_id or hook.id} any more."]
        cause = "Somebody deleted its webhook at Procore, so nothing is told; changes are found late, by looking."
        yield certain("HOOK_MISSING", seen, cause, "Deploy it again: that makes the webhook anew.", call)
    elif address is not None and upstream.destination_url not in (None, address):
        seen = [f"Procore posts to {upstream.destination_url}; this server is reached at {address}."]
        cause = "Its webhook posts to an address that is not this server's any more."
        yield certain("HOOK_POSTS_ELSEWHERE", seen, cause, "Deploy it again: that makes the webhook anew.", call)
    elif upstream.status not in _LIVE:
        seen = [f"Procore says that the webhook is {upstream.status}."]
        cause = "Procore has switched its webhook off, as it does after deliveries that nobody took for hours."
        yield certain("HOOK_SWITCHED_OFF", seen, cause, "Deploy it again: that makes the webhook anew.", call)


def _is_same(hook: Hooked, upstream: Upstream) -> bool:
    return upstream.id == hook.procore_id or (upstream.destination_url or "").endswith(f"/{hook.id}")


def _is_turned_away(hook: Hooked) -> bool:
    last = hook.last_delivery_at
    return hook.refused_at is not None and (last is None or hook.refused_at > last)


def _turned_away(case: Case, hook: Hooked) -> Finding:
    at = hook.refused_at.isoformat() if hook.refused_at is not None else ""
    seen = [f"{hook.refused} deliveries or more were answered 401, the last at {at}: {hook.refused_reason}"]
    cause = "What is posted to its webhook does not carry the right secret or signature, so it is turned away."
    if hook.source == "procore":
        fix = "Give the webhook a new secret; Procore is told it and repeats what it could not deliver."
        call = Call("rotate_webhook_secret", {"webhook_id": hook.id}, "give both sides the same secret")
    else:
        fix = "Whoever posts signs the raw body with the secret that deploying told, by a clock that is right."
        call = Call("get_sample_event", {"workflow_id": case.id}, "see what to post")
    return certain("DELIVERIES_TURNED_AWAY", seen, cause, fix, call)


def _silence(case: Case) -> Finding:
    """Certainty grows with the days without a word: an hour of silence is none."""
    place = case.evidence.place
    since = place.deployed_at or case.here.now
    days = max((case.here.now - since).total_seconds(), 0.0) / _DAY_S
    seen = [f"No delivery has come since it was deployed at {since.isoformat()}."]
    cause = "Nothing has ever arrived at its webhook."
    if place.trigger_source == "procore":
        fix = "See whether Procore knows the webhook and its address is right; else nothing of that kind changed."
        call = Call("list_procore_webhooks", {}, "see whether Procore would post to it")
    else:
        fix = "Post a sample to its address, signed with its secret."
        call = Call("get_sample_event", {"workflow_id": place.id}, "see what to post")
    return Finding("NOTHING_ARRIVED", "warning", grown(days), seen, cause, fix, call)
