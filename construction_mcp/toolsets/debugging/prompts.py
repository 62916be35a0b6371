"""The prompt that takes a person from a wish to an automation that runs."""

from typing import Annotated

from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import write_json
from construction_mcp.core.toolset import prompt

_GOAL_CHARS_MAX = 2_000  # as get_workflow_guidance takes it

_TASK = """
Build this automation with the person, one step at a time. Their words, as JSON text: {goal}

1. Call get_workflow_guidance with their words as `goal`. Tell them in one sentence what it found, and read back \
what it assumed (the time, the days, the time zone). Ask what it lists under `missing`, all at once; do not make up \
an address, a project or a person.
2. Make the first call of its `steps` with their answers in it. The result is a draft: nothing runs and nothing is \
sent.
3. If the draft has problems, call get_workflow_guidance again with `workflow_id` and do what it says, until none is \
left. An error has its way on in `next` or `hint`; pass its code as `what_failed` where it does not.
4. Call deploy_workflow with dry_run. Show what it can do ("effects"), how often, who is written to, what is changed \
in Procore, and every warning, in plain words.
5. Only when they say yes to exactly that: deploy_workflow without dry_run. Then say when it runs next and how to \
pause it (rollback_workflow with action pause).

A person must check: who receives mail and whether they expect it; that anything written to Procore waits for an \
approval unless they decided otherwise; and, after the first run, whether the result is what they meant. Approvals \
are theirs to give: never answer one for them.
""".strip()


@prompt()
async def automate(
    goal: Annotated[str, "What should happen and when, in your own words"],
) -> str:
    """Build an automation from a goal in words: guidance, a draft, a dry run, and deployment once you agree."""
    if not goal.strip() or len(goal) > _GOAL_CHARS_MAX:
        raise Invalid(f"goal takes 1 to {_GOAL_CHARS_MAX} characters.", details={"field": "goal"})
    return _TASK.format(goal=write_json(goal))
