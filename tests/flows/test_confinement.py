"""Expressions are evaluated in a process of their own; writing and deploying workflows starts none."""

import sys
from pathlib import Path

import pytest

from construction_mcp.expressions.cel import CelEngine
from tests.deployment.site import EVERY_MORNING, NOTE
from tests.flows.office import office_at

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="children are counted in /proc"),
]

WALKS = "items.filter(x, x > 1).size()"


def children() -> set[str]:
    """The processes that this one has started and that still live."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


async def test_only_an_evaluation_starts_the_process_and_the_house_ends_it(tmp_path, clock):
    before = children()
    async with office_at(tmp_path, clock) as office:
        condition = {**NOTE, "condition": "[1, 2].filter(x, x > 1).size() > 0"}
        workflow_id = await office.made(condition, trigger=EVERY_MORNING)
        deployed = await office.call("deploy_workflow", workflow_id=workflow_id)
        compiled = children() - before
        engine = await office.site.house.services.get(CelEngine)
        value = await engine.evaluate(WALKS, {"items": [1, 2, 3]})
        evaluating = children() - before

    assert (deployed["status"], value) == ("deployed", 2)
    assert (len(compiled), len(evaluating)) == (0, 1)
    assert children() - before == set()
