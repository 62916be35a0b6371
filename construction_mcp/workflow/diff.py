"""What is different between two versions of a workflow, in words a person would use. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.definition import Action, Definition, Trigger
from construction_mcp.workflow.schedule import describe

Agreed = Sequence[Mapping[str, Any]]
"""The consent of a version, as it is stored: `kind` and `target` of each."""

_WORD_CHARS_MAX = 80
_ABOUT_ACTIONS = ("condition", "depends_on", "for_each", "retry", "timeout_s", "on_error")
_REACHES = {
    "mail": ("mails {count} more address{es}: {names}", "no longer mails {names}"),
    "procore": ("also changes Procore: {names}", "no longer changes Procore: {names}"),
    "http": ("also sends requests to {names}", "no longer sends requests to {names}"),
    "workflow": ("also runs {names}", "no longer runs {names}"),
}
_REACHES_BY = ("also posts to {kind}: {names}", "no longer posts to {kind}: {names}")


def changes(before: Definition, after: Definition, agreed_before: Agreed = (), agreed_after: Agreed = ()) -> list[str]:
    """What `after` does that `before` did not, and the other way round: one short clause each, empty when nothing.

    Whom it reaches comes first: that is what a person has to agree to.
    """
    return [
        *_reach(agreed_before, agreed_after),
        *_about(before, after),
        *_trigger(before.trigger, after.trigger),
        *_variables(before, after),
        *_actions(before.actions or (), after.actions or ()),
    ]


def _reach(before: Agreed, after: Agreed) -> Iterator[str]:
    old, new = _by_kind(before), _by_kind(after)
    for kind in sorted(old.keys() | new.keys()):
        more, less = _REACHES.get(kind, _REACHES_BY)
        for words, names in (
            (more, sorted(new.get(kind, set()) - old.get(kind, set()))),
            (less, sorted(old.get(kind, set()) - new.get(kind, set()))),
        ):
            if names:
                count = len(names)
                es = "es" if count > 1 else ""
                yield words.format(kind=kind, count=count, es=es, names=", ".join(names))


def _by_kind(agreed: Agreed) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in agreed:
        most = one.get("max_per_run")
        name = str(one["target"]) if most is None else f"{one['target']} (at most {most} per run)"
        found.setdefault(str(one["kind"]), set()).add(name)
    return found


def _about(before: Definition, after: Definition) -> Iterator[str]:
    if before.name != after.name:
        yield f"renames it from {_said(before.name)} to {_said(after.name)}"
    if (before.description or "") != (after.description or ""):
        yield "changes the description"
    if before.project_id != after.project_id:
        yield _changed("project_id", before.project_id, after.project_id)


def _trigger(before: Trigger | None, after: Trigger | None) -> Iterator[str]:
    if before == after:
        return
    if before is None or after is None or before.type != after.type or before.source != after.source:
        yield f"starts {_starts(after)} instead of {_starts(before)}"
        return
    old, new = before.written(), after.written()
    yield from (_changed(name, old.get(name), new.get(name)) for name in _differing(old, new))


def _starts(trigger: Trigger | None) -> str:
    if trigger is None:
        return "by nothing"
    try:
        return describe(trigger)
    except Invalid:
        return f"by {trigger.type}"


def _variables(before: Definition, after: Definition) -> Iterator[str]:
    old, new = before.variables or {}, after.variables or {}
    yield from (f"adds variable {name} ({new[name].type})" for name in new if name not in old)
    yield from (f"removes variable {name}" for name in old if name not in new)
    for name in (name for name in new if name in old and new[name] != old[name]):
        was, is_now = old[name].written(), new[name].written()
        for field in _differing(was, is_now):
            label = name if field == "value" else f"{field} of {name}"
            yield _changed(label, was.get(field), is_now.get(field))


def _actions(before: Sequence[Action], after: Sequence[Action]) -> Iterator[str]:
    old, new = {one.key: one for one in before}, {one.key: one for one in after}
    yield from (f"adds action {key} ({new[key].type})" for key in new if key not in old)
    yield from (f"removes action {key} ({old[key].type})" for key in old if key not in new)
    kept = [key for key in new if key in old]
    for key in kept:
        yield from _action(old[key], new[key])
    if kept != [key for key in old if key in new]:
        yield f"changes the order of actions to {', '.join(new)}"


def _action(before: Action, after: Action) -> Iterator[str]:
    if before == after:
        return
    if before.type != after.type:
        yield f"makes {after.key} a {after.type} instead of a {before.type}"
    was, is_now = before.config or {}, after.config or {}
    yield from (_changed(f"{name} of {after.key}", was.get(name), is_now.get(name)) for name in _differing(was, is_now))
    old, new = before.written(), after.written()
    for name in _ABOUT_ACTIONS:
        if old.get(name) != new.get(name):
            yield _changed(f"{name} of {after.key}", old.get(name), new.get(name))


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names in the order they are written in, the older ones last."""
    return [name for name in dict.fromkeys([*new, *old]) if old.get(name) != new.get(name)]


def _changed(what: str, old: Any, new: Any) -> str:
    if old is None:
        return f"sets {what} to {_said(new)}"
    if new is None:
        return f"removes {what}, which was {_said(old)}"
    return f"changes {what} from {_said(old)} to {_said(new)}"


def _said(value: Any) -> str:
    """A value as a person writes it, cut where it gets long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _WORD_CHARS_MAX else text[: _WORD_CHARS_MAX - 1] + "…"
