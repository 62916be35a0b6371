"""The prompt that prepares the review of a submittal."""

from dataclasses import replace
from typing import Annotated

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import completes, prompt
from construction_mcp.core.untrusted import HOW_TO_READ, untrusted
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import submittals
from construction_mcp.procore.records.sites import ids_beginning, site_named, today_at
from construction_mcp.procore.together import together

_TASK = """
Prepare the review of submittal {submittal_id} in project {project_id} (today there is {today}).{focus}

You see its record, not its documents: you cannot say whether it complies. Prepare the person who can:
1. Where it stands: whose turn it is, since when, who comes next, what was answered so far.
2. Time: due date, required on site, lead time. Work out the last day on which approval still lets the material \
arrive (required_on_site_date minus lead_time_days), compare it with today, and show the calculation. If one of the \
dates is missing, say which.
3. Revisions: what was asked for before (responses and comments), as a list to check against the new one.
4. A checklist for this specification section: what it usually demands of such a submittal, marked as general \
practice, to be held against the project's own section.
5. A draft comment for the reviewer, without a verdict: [APPROVED / AS NOTED / REVISE] is theirs to fill in.

A person must check: the documents themselves against the specification and drawings; deviations that the submitter \
did not point out; that this is the current revision; and coordination with neighbouring trades. Only an approver \
gives an answer, in Procore; update_procore_submittal changes dates, texts and status, after a preview.
""".strip()


@prompt()
async def review_submittal(
    project: Annotated[str, "Project id, number or part of its name"],
    submittal: Annotated[str, "Submittal id, or its number"],
    focus: Annotated[str, "What matters most to you in this review"] = "",
    *,
    procore: Procore,
    clock: Clock,
    limits: Limits,
) -> str:
    """Prepare the review of a submittal: where it stands, time left, earlier answers, and a checklist."""
    site = await site_named(procore, project)
    today = today_at(site, clock.now())
    submittal_id = await _id_of(procore, site.id, submittal)
    raw, rows = await submittals.read_raw(procore, site.id, submittal_id)
    read = submittals.submittal_of(procore, raw, site.id, today, full=True)
    read = replace(read, revisions=[submittals.revision_of(procore, row, site.id) for row in rows])
    earlier = [
        submittals.submittal_of(procore, row, site.id, today, full=True) for row in rows if row.get("id") != read.id
    ]
    task = _TASK.format(
        submittal_id=submittal_id, project_id=site.id, today=today, focus=f"\nThe person says: {focus}" if focus else ""
    )
    most = limits.prompt_evidence_chars_max
    blocks = [
        untrusted("the project", [site], chars_max=2_000),
        untrusted("the submittal", [read], chars_max=most),
        untrusted("its other revisions", earlier, chars_max=most),
    ]
    return "\n\n".join([task, HOW_TO_READ, *blocks])


@completes("review_submittal", "project")
async def complete_project(prefix: str, *, procore: Procore) -> list[str]:
    """Ids of projects whose id begins with, or whose name contains, what was typed."""
    return await ids_beginning(procore, prefix)


async def _id_of(procore: Procore, project_id: int, words: str) -> int:
    """The submittal that an id or a number means; of one number, the current revision.

    Raises:
        Invalid: none or several.
    """
    asked = words.strip()
    by_id, by_number = await together(
        submittals.find(procore, project_id, {"id": [asked]} if asked.isdigit() else None),
        submittals.find(procore, project_id, {"number": [_number(asked)], "current_revision": True}),
    )
    found = by_id or [row for row in by_number if asked in (row.get("number"), row.get("formatted_number"))]
    if len(found) == 1:
        return int(found[0]["id"])
    candidates = [{"id": row.get("id"), "number": row.get("formatted_number")} for row in found[:10]]
    raise Invalid(
        f"{'Several submittals fit' if found else 'No submittal fits'} {asked[:50]!r}.",
        hint="list_procore_submittals shows ids and numbers.",
        details={"field": "submittal", "candidates": candidates},
    )


def _number(words: str) -> str:
    """`12` out of `12`, or of a formatted `07 54 23-12.1` (section, number, revision)."""
    return words.rpartition("-")[2].partition(".")[0]
