"""A first draft for a goal that no template fits: its trigger, one action that reads and one that tells people.

Action types are found by the words of their names and docs. Nothing is made up: what the goal does not say becomes a
required variable, or is asked for. No text of the goal gets into a config, so none of it can become an expression.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.actions.action import ActionType, ActionTypes
from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.core.ranking import Ranking
from construction_mcp.insight.advice import Missing
from construction_mcp.insight.filling import fill
from construction_mcp.insight.goal import Goal, read_goal
from construction_mcp.insight.starting import start_of
from construction_mcp.insight.vocabulary import MOODS, concepts, terms
from construction_mcp.workflow.definition import Variable

_NAME_CHARS_MAX = 80
_FAMILIES = {"schedule_task": "schedule", "weather": "daily_log"}  # where our word is not the family's name
_LABELS = {"rfi": "RFIs", "weather": "Weather", "schedule_task": "Schedule tasks"}
_FLAGS = {"overdue": "overdue", "failed": "deficient"}  # what the goal says -> the field of a list that means it
_EVENTS = {"new": "create", "changed": "update"}  # what the goal says -> the event that means it
_NOTIFY, _APPROVAL = "notify.email", "approval.request"
_TYPES_LOOKED_AT = 5  # of a ranking; beyond them the words hardly fit


@dataclass(slots=True)
class Skeleton:
    """Arguments of create_workflow, and what they leave open."""

    arguments: dict[str, Any]
    missing: list[Missing] = field(default_factory=list)


def skeleton_of(goal: Goal, types: ActionTypes) -> Skeleton:
    """The nearest draft to the goal that the action types allow."""
    start = start_of(goal)
    draft = Skeleton({"name": name_of(goal.text), "trigger": start.trigger if start else {"type": "manual"}})
    draft.missing += start.missing if start else [_WHEN]
    reads = None if goal.on_event else _reading(goal, types)
    changes = _changing(goal, types)
    _place(goal, reads, draft)
    draft.arguments["variables"] = variables = _variables(goal, changes)
    draft.missing += fill({name: Variable.model_validate(one) for name, one in variables.items()}, _NOBODY).asked
    actions = [_read_action(goal, reads)] if reads else []
    actions += _change_actions(goal, changes, reads, draft) if changes else []
    draft.arguments["actions"] = [*actions, _telling(goal, reads)]
    draft.missing += _not_said(goal, reads, changes, draft.arguments["trigger"])
    return draft


_WHEN = Missing("trigger", "When should it run: at certain times, or when something happens? Until then by hand.")
_NOBODY = read_goal("")


def name_of(text: str) -> str:
    """A name that people recognise: the goal's own first words, without what could be taken for markup."""
    plain = " ".join(re.sub(r"[^\w\s.,:'@&/-]", " ", text).split())
    if len(plain) > _NAME_CHARS_MAX:
        plain = plain[:_NAME_CHARS_MAX].rpartition(" ")[0] or plain[:_NAME_CHARS_MAX]
    plain = plain.strip(" .,:'@&/-_")
    return plain[:1].upper() + plain[1:] or "New workflow"


def types_for(goal: Goal, types: ActionTypes, effect: str) -> list[ActionType]:
    """The action types of that effect whose names and docs fit the goal's words, best first."""
    known = [one for one in map(types.get, types.names()) if one is not None and one.effect == effect]
    ranking = Ranking([Counter(terms(f"{_spaced(one.name)} {_spaced(one.name)} {one.doc}")) for one in known])
    scores = ranking.scores(goal.words)
    return [known[at] for at in sorted(scores, key=lambda at: (-scores[at], known[at].name))[:_TYPES_LOOKED_AT]]


def _reading(goal: Goal, types: ActionTypes) -> ActionType | None:
    """The list of what the goal is about: its family by name, else by the words of its doc."""
    named = types.get(f"procore.{_FAMILIES.get(goal.kind or '', goal.kind)}.list")
    return named or next((one for one in types_for(goal, types, "read") if one.name.endswith(".list")), None)


def _changing(goal: Goal, types: ActionTypes) -> ActionType | None:
    """The write that the goal names by its record and its verb."""
    said = set(re.findall(r"[a-z]+", goal.text.lower()))
    for kind in types_for(goal, types, "write"):
        family, _, verb = kind.name.rpartition(".")
        if goal.kind and family.endswith(f".{goal.kind}") and verb in said:
            return kind
    return None


def _place(goal: Goal, reads: ActionType | None, draft: Skeleton) -> None:
    if goal.projects:
        draft.arguments["project_id"] = goal.projects[0]
    elif reads is not None and not goal.all_projects:
        draft.missing.append(Missing("project_id", "Which project is it about?", assumed="all active projects"))


def _read_action(goal: Goal, kind: ActionType) -> dict[str, Any]:
    fields = kind.config.model_fields
    config: dict[str, Any] = {name: True for word, name in _FLAGS.items() if word in goal.concepts and name in fields}
    if "projects" in fields and len(goal.projects) != 1:
        config["projects"] = list(goal.projects) or ALL_ACTIVE
    return {"key": _key(kind), "type": kind.name, **({"config": config} if config else {})}


def _change_actions(goal: Goal, kind: ActionType, reads: ActionType | None, draft: Skeleton) -> list[dict[str, Any]]:
    """A write, once per record where it is about records that the draft reads, and a person's yes before it.

    A draft from words alone may well pick the wrong records, so nothing in Procore changes unasked.
    """
    record = f"{goal.kind}_id"
    needed = [name for name, one in kind.config.model_fields.items() if one.is_required()]
    action: dict[str, Any] = {"key": _key(kind), "type": kind.name}
    if reads is not None and record in needed:
        action["for_each"] = {"items": _items(reads)}
        action["config"] = {record: "{{ item.id }}", "project_id": "{{ item.project_id }}"}
        needed.remove(record)
    path = f"actions.{_key(kind)}.config"
    draft.missing += [Missing(f"{path}.{name}", _asks(kind, name)) for name in needed]
    shown = {"show": {"records": f"{{{{ {_items(reads)} }}}}"}} if reads else {}
    message = f"May {kind.name} be done?"
    config = {"approvers": "{{ vars.approvers }}", "message": message, **shown}
    return [{"key": "approve", "type": _APPROVAL, "config": config}, action]


def _asks(kind: ActionType, name: str) -> str:
    said = (kind.config.model_fields[name].description or name.replace("_", " ")).rstrip(".")
    return f"{kind.name} needs {name}: {said}."


def _variables(goal: Goal, changes: ActionType | None) -> dict[str, Any]:
    """Who is told and who is asked, with the goal's addresses where it gives them."""
    wanted = {"notify_to": "Who gets the mail"} if _channel(goal) == _NOTIFY else {}
    wanted |= {"approvers": "Who says yes before anything is changed"} if changes else {}
    variables = {name: {"type": "emails", "required": True, "description": said} for name, said in wanted.items()}
    values = fill({name: Variable.model_validate(one) for name, one in variables.items()}, goal).values
    return {name: {**one, "value": values[name]} if name in values else one for name, one in variables.items()}


def _telling(goal: Goal, reads: ActionType | None) -> dict[str, Any]:
    """The action that tells people; with nothing found it keeps quiet."""
    told = _about(reads)
    is_mail = _channel(goal) == _NOTIFY
    config = {"to": "{{ vars.notify_to }}", "subject": _subject(goal), "body": told} if is_mail else {"text": told}
    condition = {"condition": f"size({_items(reads)}) > 0"} if reads else {}
    return {"key": "tell", "type": _channel(goal), **condition, "config": config}


def _channel(goal: Goal) -> str:
    return goal.channels[0] if goal.channels else _NOTIFY


def _subject(goal: Goal) -> str:
    kind = goal.kind or ""
    label = _LABELS.get(kind) or f"{kind.replace('_', ' ').capitalize()}s"
    mood = next((one for one in goal.concepts if one in MOODS), None)
    return f"{label}: {mood.replace('_', ' ')}" if mood else label


def _about(reads: ActionType | None) -> str:
    if reads is None:
        return _TOLD
    shown = next(name for name in _SHOWN if name in _fields(reads))
    lines = f'join({_items(reads)}.map(one, default(string(one.{shown}), "") + " " + default(one.web_url, "")), "\\n")'
    return f"{{{{ size({_items(reads)}) }}}} found:\n{{{{ {lines} }}}}"


_TOLD = (
    "{{ trigger.event.resource_name }} {{ trigger.event.resource_id }}: {{ trigger.event.event_type }}, in project "
    "{{ trigger.event.project_id }}."
)
_SHOWN = ("title", "subject", "name", "description", "type", "id")  # what tells a person which record it is


def _fields(reads: ActionType) -> Mapping[str, Any]:
    output = reads.output({}) if callable(reads.output) else reads.output
    found: Mapping[str, Any] = output["properties"]["items"]["items"].get("properties", {"id": {}})
    return found


def _not_said(
    goal: Goal, reads: ActionType | None, changes: ActionType | None, trigger: Mapping[str, Any]
) -> Sequence[Missing]:
    """What the goal says of the records that the draft does not look at yet."""
    fields = reads.config.model_fields if reads else {}
    done = {word for word, name in _FLAGS.items() if name in fields}
    done |= {word for word, event in _EVENTS.items() if event in trigger.get("events", ())}
    done |= set(concepts(changes.name.rpartition(".")[2])) if changes else set()
    left = [word.replace("_", " ") for word in goal.concepts if word in MOODS - done - _NOT_OF_RECORDS]
    left += [f"{goal.days} days"] if goal.days else []
    if not left:
        return []
    how = "a condition, a filter or another action"
    return [Missing("actions", f"The draft does not look at {', '.join(left)} yet: how is that told? It takes {how}.")]


_NOT_OF_RECORDS = frozenset({"ask_person", "escalate", "follow_up"})


def _items(reads: ActionType | None) -> str:
    return f"steps.{_key(reads)}.output.items" if reads else "[]"


def _key(kind: ActionType) -> str:
    family, _, verb = kind.name.rpartition(".")
    return f"{verb}_{family.rpartition('.')[2]}"


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")
