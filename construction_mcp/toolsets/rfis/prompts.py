"""The prompt that drafts an RFI from what a person wants to know, with the project's own evidence."""

from collections.abc import Sequence
from typing import Annotated

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.toolset import completes, prompt
from construction_mcp.core.untrusted import HOW_TO_READ, untrusted
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import rfis
from construction_mcp.procore.records.companies import Project
from construction_mcp.procore.records.persons import Person
from construction_mcp.procore.records.rfis import Rfi
from construction_mcp.procore.records.sites import ids_beginning, site_named, today_at
from construction_mcp.procore.records.specifications import Section, read_sections, section_in
from construction_mcp.procore.together import together

_SIMILAR_MAX = 5
_WORDS_SHARED_MIN = 2  # one common word is chance
_WORD_MIN = 4  # shorter ones are `the`, `and`, `for`

_TASK = """
Draft one RFI for project {project_id}, where today is {today}.

The person's own words:
- wants to know: {intent}
{given}

Write it so that somebody who was not on site can answer it:
1. Subject: the issue and the place in one line, no more than 80 characters.
2. Question: what was found and where; what the documents say (sheet, detail, specification section); why that does \
not settle it; one question; the answer you propose, if there is an obvious one.
3. Due date: when the work needs the answer, not a habit. If it is not known, ask.
4. Cost and schedule impact: yes_known, yes_unknown, no_impact, tbd or n_a, as the person says; never guess a number.
5. Say nothing that is neither in the person's words nor in the evidence. Mark what is missing with [?].

If an earlier RFI below already asks or answers this, say so first, with its number: the question may not be needed.
Then call create_procore_rfi; its preview changes nothing. Choose rfi_manager and assignees from the people below.

A person must check before it is sent: that sheet, detail and section are the current ones; that the question is not \
answered in the contract documents; the due date; who is asked; and cost and schedule impact, which can become a claim.
""".strip()


@prompt()
async def draft_rfi(
    question_intent: Annotated[str, "What you want to know, in your own words"],
    project: Annotated[str, "Project id, number or part of its name"],
    spec_section: Annotated[str, "Number of the specification section it is about"] = "",
    drawing_reference: Annotated[str, "Sheet and detail it is about"] = "",
    priority: Annotated[str, "How urgent, and why"] = "",
    context: Annotated[str, "What else is known: found by whom, when, what stands still"] = "",
    *,
    procore: Procore,
    clock: Clock,
    limits: Limits,
) -> str:
    """Draft an RFI from what you want to know, with similar RFIs, the specification section and who may be asked."""
    site = await site_named(procore, project)
    today = today_at(site, clock.now())
    recent, people, sections = await together(
        rfis.read_recent(procore, site.id, today),
        rfis.read_candidates(procore, site.id),
        read_sections(procore, site.id),
    )
    given = {"section": spec_section, "drawing": drawing_reference, "priority": priority, "context": context}
    lines = "\n".join(f"- {name}: {words}" for name, words in given.items() if words)
    task = _TASK.format(project_id=site.id, today=today, intent=question_intent, given=lines)
    similar = similar_first(recent, f"{question_intent} {drawing_reference} {context}")
    return "\n\n".join([task, HOW_TO_READ, *_evidence(site, similar, people, sections, spec_section, limits)])


@completes("draft_rfi", "project")
async def complete_project(prefix: str, *, procore: Procore) -> list[str]:
    """Ids of projects whose id begins with, or whose name contains, what was typed."""
    return await ids_beginning(procore, prefix)


def similar_first(recent: Sequence[Rfi], words: str) -> list[Rfi]:
    """The RFIs that share the most words with `words`, at most `_SIMILAR_MAX`; none when they share too few."""
    wanted = _words(words)
    shared = [(len(wanted & _words(f"{rfi.subject} {rfi.question} {rfi.drawing_number}")), rfi) for rfi in recent]
    close = sorted((one for one in shared if one[0] >= _WORDS_SHARED_MIN), key=lambda one: -one[0])
    return [rfi for _, rfi in close[:_SIMILAR_MAX]]


def _evidence(
    site: Project,
    similar: Sequence[Rfi],
    people: tuple[list[Person], list[Person]],
    sections: list[Section],
    spec_section: str,
    limits: Limits,
) -> list[str]:
    most = limits.prompt_evidence_chars_max
    section = section_in(sections, spec_section)
    blocks = [
        untrusted("the project", [site], chars_max=most),
        untrusted("similar RFIs of this project", similar, chars_max=most),
        untrusted("people who may manage the RFI", people[0], chars_max=most // 4),
        untrusted("people who may be asked", people[1], chars_max=most // 4),
    ]
    if spec_section:
        found = [section] if section else []
        blocks.append(untrusted("specification section", found, chars_max=most, none="no such section here"))
    return blocks


def _words(text: str) -> frozenset[str]:
    spaced = "".join(letter if letter.isalnum() else " " for letter in text.lower())
    return frozenset(word for word in spaced.split() if len(word) >= _WORD_MIN)
