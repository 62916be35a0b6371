"""Which templates a goal fits: found by words, kept only where they are about the same thing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from construction_mcp.core.ranking import Ranking
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.vocabulary import CONCEPTS, KINDS, MOODS, terms
from construction_mcp.workflow.template import Template

_WEIGHTS = {"id": 2, "title": 3, "tags": 3, "summary": 1}
_SAME_START = 1.5  # by the clock or by an event, as the goal wants it
_STRANGE = 0.7  # for each thing that the template is about by its title and the goal does not mention
_BESIDE = 0.5  # for one that is about something else by its title and only touches the record
_ANY_KIND = frozenset({"summary"})  # what makes sense of all records together
_LEAST_SHARE = 0.5  # of what the goal says happened to the records


@dataclass(frozen=True, slots=True)
class Match:
    """A template that fits, how well, and the words it shares with the goal."""

    template: Template
    score: float
    shared: Sequence[str]


class TemplateSearch:
    """An index over templates, which never change while the process runs."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self._templates = list(templates)
        documents = [_document(one) for one in self._templates]
        self._titles = [_concepts(one.id, one.title) for one in self._templates]
        self._known = [_concepts(one.id, one.title, *one.tags) | _happening(one) for one in self._templates]
        self._ranking = Ranking(documents)

    def find(self, words: str, limit: int) -> list[Template]:
        """The best by words alone; those that share none are left out."""
        scores = self._ranking.scores(terms(words))
        ranked = sorted(scores, key=lambda at: (-scores[at], self._templates[at].id))
        return [self._templates[at] for at in ranked[:limit]]

    def fitting(self, goal: Goal, limit: int) -> list[Match]:
        """Those that do what the goal asks for, best first; none where it asks for something else."""
        found = []
        for at, score in self._ranking.scores(goal.words).items():
            if self._fits(at, goal):
                shared = [word for word in goal.concepts if word in self._known[at]]
                found.append(Match(self._templates[at], score * self._closeness(at, goal), shared))
        return sorted(found, key=lambda one: (-one.score, one.template.id))[:limit]

    def _fits(self, at: int, goal: Goal) -> bool:
        said, known = frozenset(goal.concepts), self._known[at]
        kinds, moods = said & KINDS, said & MOODS
        if kinds and (not kinds & known or goal.kind not in known):
            return False
        if not kinds and not (moods | _ANY_KIND) & said & known:
            return False
        return len(moods & known) >= _LEAST_SHARE * len(moods)

    def _closeness(self, at: int, goal: Goal) -> float:
        said = frozenset(goal.concepts)
        strange = len((self._titles[at] & (KINDS | MOODS)) - said)
        beside = goal.kind is not None and goal.kind not in self._titles[at]
        alike = _starts_alike(self._templates[at], goal)
        return _STRANGE**strange * (_BESIDE if beside else 1.0) * (_SAME_START if alike else 1.0)


def _happening(template: Template) -> frozenset[str]:
    """What its events are called: a template for what is created is one for what is new."""
    trigger = template.definition.trigger
    events = trigger.events or () if trigger else ()
    return frozenset(name for event, name in (("create", "new"), ("update", "changed")) if event in events)


def _starts_alike(template: Template, goal: Goal) -> bool:
    trigger = template.definition.trigger
    if trigger is None:
        return False
    return trigger.type == "schedule" if goal.when else goal.on_event and trigger.type in ("webhook", "poll")


def _document(template: Template) -> Counter[str]:
    texts = {
        "id": _spaced(template.id),
        "title": template.title,
        "tags": " ".join(map(_spaced, template.tags)),
        "summary": template.summary,
    }
    counts: Counter[str] = Counter()
    for part, text in texts.items():
        for word in terms(text):
            counts[word] += _WEIGHTS[part]
    return counts


def _concepts(*texts: str) -> frozenset[str]:
    return frozenset(terms(" . ".join(map(_spaced, texts)))) & CONCEPTS


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
