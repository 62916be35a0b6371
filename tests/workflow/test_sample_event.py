"""What is made up for trying a workflow has the shape of what comes, and gets through the templates' conditions."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.config import Limits
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.templates import fill
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.sample_event import sample_event
from construction_mcp.workflow.template import Templates
from construction_mcp.workflow.triggers import READS, trigger_schema
from construction_mcp.workflow.variables import values_of

pytestmark = pytest.mark.anyio
TYPES = Catalogue()
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SHAPES: list[dict[str, Any]] = [
    {"type": "manual"},
    {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"},
    {"type": "webhook", "source": "custom"},
    {"type": "webhook", "source": "procore", "resources": ["Cost Codes"]},
    {"type": "webhook", "source": "procore", "resources": ["RFIs"], "events": ["delete"]},
    {"type": "webhook", "source": "procore", "resources": ["rfis", "Submittals"], "events": ["update"]},
    *({"type": "webhook", "source": "procore", "resources": [name]} for name in READS),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
async def test_a_sample_has_the_shape_that_expressions_are_checked_against(shape):
    trigger = Trigger.model_validate(shape)

    sample = sample_event(trigger, TYPES, NOW, company_id=10, project_id=1002)

    jsonschema.validate(sample, dict(trigger_schema(trigger, TYPES)))
    assert sample["at"] == "2026-03-02T15:00:00Z"


async def test_event_and_record_are_about_the_same_thing():
    trigger = Trigger(type="webhook", source="procore", resources=["RFIs"], events=["create"])

    sample = sample_event(trigger, TYPES, NOW, company_id=10, project_id=1002)

    event, record = sample["event"], sample["record"]
    assert (event["resource_name"], event["event_type"]) == ("RFIs", "create")
    assert (record["id"], record["project_id"]) == (event["resource_id"], event["project_id"]) == (42001, 1002)


async def test_what_was_deleted_has_no_record():
    trigger = Trigger(type="webhook", source="procore", resources=["RFIs"], events=["delete"])

    assert sample_event(trigger, TYPES, NOW)["record"] is None


HEARING = [one for one in Templates(Limits()).all() if one.definition.trigger.type == "webhook"]


@pytest.mark.parametrize("template", HEARING, ids=lambda one: one.id)
async def test_a_template_takes_its_sample_for_what_it_waits_for(template):
    """Each condition, and each value put together for one, that reads the trigger alone is true."""
    values = {
        "trigger": sample_event(template.definition.trigger, TYPES, NOW),
        "vars": values_of(template.variables),
    }
    asked = [
        text
        for action in template.definition.actions
        for text in (action.condition, (action.config or {}).get("value"))
        if text and "steps." not in text
    ]

    found = [await fill(text if "{{" in text else f"{{{{ {text} }}}}", evaluate_with(values)) for text in asked]

    assert found == [True] * len(asked)
    assert asked


def evaluate_with(values: dict[str, Any]) -> Callable[[str], Awaitable[Any]]:
    return lambda text: CelEngine().evaluate(text, values)
