"""A first draft for a goal that no template fits: its trigger, one action that reads and one that tells people.

Action types are found by the words of their names and docs. Nothing is made up: what the goal does not say becomes a
required variable, or is asked for. No text of the goal gets into a config, so none of it can become an expression.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.action import ActionType, ActionTypes
from construction_mcp.core.ranking import Ranking
from construction_mcp.insight.advice import Missing
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.starting import trigger_of
from construction_mcp.insight.vocabulary import KINDS, MOODS, terms
from construction_mcp.workflow.variables import ALL_ACTIVE

_NAME_CHARS_MAX = 80
_FAMILIES = {"schedule_task": "schedule", "weather": "daily_log"}  # where our word is not the family's name
_FLAGS = {"overdue": "overdue", "failed": "deficient"}  # what the goal says -> the field of a list that means it
_NOTIFY = "notify.email"
_PROCORE = "procore"
_DOING = re.compile(r"\b(?:close|create|write|add|open|raise|post|reply|update|file|put|make)\b")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Arguments of create_workflow, and what they leave open."""

    arguments: Mapping[str, Any]
    missing: Sequence[Missing]


def skeleton_of(goal: Goal, types: ActionTypes) -> Skeleton:
    """The nearest draft to the goal that the action types allow."""
    trigger = trigger_of(goal)
    missing = (
        [] if trigger else [Missing("trigger", "When should it run: at certain times, or when something happens?")]
    )
    reads = _reading(goal, types)
    tells, variables = _telling(goal, reads)
    actions = [*([_read_action(goal, reads)] if reads else []), *_changing(goal, types, missing), tells]
    if reads is None and not goal.on_event:
        missing.append(Missing("actions", "What should it look at? construction://schemas/actions lists every action."))
    arguments: dict[str, Any] = {"name": name_of(goal.text), "trigger": trigger or {"type": "manual"}}
    if goal.projects:
        arguments["project_id"] = goal.projects[0]
    elif not goal.all_projects:
        missing.append(Missing("project_id", "Which project is it about, or all active ones?", assumed=ALL_ACTIVE))
    return Skeleton({**arguments, "variables": variables, "actions": actions}, missing)


def name_of(text: str) -> str:
    """A name that people recognise: the goal's own first words, without what could be taken for markup."""
    words = re.sub(r"[^\w\s.,:'&/-]", " ", text)
    plain = " ".join(words.split())[:_NAME_CHARS_MAX].strip(" .,:'&/-")
    return plain[:1].upper() + plain[1:] or "New workflow"


def types_for(goal: Goal, types: ActionTypes, effect: str, limit: int) -> list[ActionType]:
    """The action types of that effect whose names and docs fit the goal's words, best first."""
    known = [one for one in map(types.get, types.names()) if one is not None and one.effect == effect]
    ranking = Ranking([Counter(terms(f"{_spaced(one.name)} {_spaced(one.name)} {one.doc}")) for one in known])
    scores = ranking.scores(goal.words)
    return [known[at] for at in sorted(scores, key=lambda at: (-scores[at], known[at].name))[:limit]]


def _reading(goal: Goal, types: ActionTypes) -> ActionType | None:
    """The list of what the goal is about; nothing is read where the event already brings its record."""
    if goal.on_event:
        return None
    named = types.get(f"{_PROCORE}.{_FAMILIES.get(goal.kind, goal.kind)}.list") if goal.kind else None
    if named is not None:
        return named
    lists = [one for one in types_for(goal, types, "read", 5) if one.name.endswith(".list")]
    return next(iter(lists), None) if set(goal.concepts) & KINDS else None


def _read_action(goal: Goal, kind: ActionType) -> dict[str, Any]:
    config: dict[str, Any] = {}
    fields = kind.config.model_fields
    for word, name in _FLAGS.items():
        if word in goal.concepts and name in fields:
            config[name] = True
    if "projects" in fields and len(goal.projects) != 1:
        config["projects"] = list(goal.projects) or ALL_ACTIVE
    return {"key": _key(kind), "type": kind.name, **({"config": config} if config else {})}


def _changing(goal: Goal, types: ActionTypes, missing: list[Missing]) -> list[dict[str, Any]]:
    """What the goal wants changed in Procore, if its words name one; its fields are for the person to say."""
    if not _DOING.search(goal.text.lower()):
        return []
    wanted = set(terms(goal.text)) - MOODS
    for kind in types_for(goal, types, "write", 3):
        family, _, verb = kind.name.rpartition(".")
        if _spoken(family) & wanted and re.search(rf"\b{verb}\b", goal.text.lower()):
            needed = [name for name, field in kind.config.model_fields.items() if field.is_required()]
            missing.extend(Missing(f"actions.{_key(kind)}.config.{name}", _asks(kind, name)) for name in needed)
            return [{"key": _key(kind), "type": kind.name}]
    return []


def _spoken(family: str) -> set[str]:
    return set(terms(_spaced(family.rpartition(".")[2])))


def _asks(kind: ActionType, name: str) -> str:
    said = kind.config.model_fields[name].description
    return f"{kind.name} needs {name}: {said or name.replace('_', ' ')}."


def _telling(goal: Goal, reads: ActionType | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The action that tells people, and the variables it uses."""
    channel = goal.channels[0] if goal.channels else _NOTIFY
    about = _about(goal, reads)
    if channel != _NOTIFY:
        return {"key": "tell", "type": channel, **_condition(reads), "config": {"text": about}}, {}
    to: dict[str, Any] = {"type": "emails", "required": True, "description": "Who gets the mail"}
    if goal.addresses:
        to["value"] = list(goal.addresses)
    config = {"to": "{{ vars.notify_to }}", "subject": _subject(goal), "body": about}
    return {"key": "tell", "type": _NOTIFY, **_condition(reads), "config": config}, {"notify_to": to}


def _condition(reads: ActionType | None) -> dict[str, str]:
    return {"condition": f"size(steps.{_key(reads)}.output.items) > 0"} if reads else {}


def _subject(goal: Goal) -> str:
    what = (goal.kind or "workflow").replace("_", " ")
    mood = next((one for one in goal.concepts if one in MOODS), "").replace("_", " ")
    return f"{mood} {what}s".strip().capitalize() if goal.kind else "News from Procore"


def _about(goal: Goal, reads: ActionType | None) -> str:
    if reads is not None:
        items = f"steps.{_key(reads)}.output.items"
        return f"{{{{ size({items}) }}}} found:\n{{{{ {items} }}}}"
    if goal.on_event:
        return "{{ trigger.event }}"
    return "This workflow ran."


def _key(kind: ActionType) -> str:
    family, _, verb = kind.name.rpartition(".")
    return f"{verb}_{family.rpartition('.')[2]}"


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")
