"""Every tier-1 operation of the reference pack, asked once, judged by its OpenAPI record and the supplement."""

import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from tests.simulator.examples import example_of
from tests.simulator.procore_pack import ABSENT, IS_THERE, Operation, problems, success_codes, tier_1, unknown_fields

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not IS_THERE, reason=ABSENT)]


@pytest.mark.parametrize("operation", tier_1(), ids=str)
async def test_the_operation_answers_as_its_record_says(
    operation: Operation, sim: Simulator, http: httpx.AsyncClient
) -> None:
    """The documented success code, a body that validates, and no field that Procore does not have."""
    example = await example_of(operation, sim.world, http)
    answer = await http.request(example.method, example.path, params=example.query, json=example.body)

    expected = success_codes(operation)
    if operation.path == "/oauth/authorize":
        assert answer.status_code == 200  # the record draws the redirect that follows the form
        return
    assert answer.status_code in expected, answer.text
    if answer.content:
        assert problems(operation, answer.status_code, answer.json()) == []
        assert unknown_fields(operation, answer.status_code, answer.json()) <= OUR_ADDITIONS.get(str(operation), set())


# Where both sources are known to be wrong or silent: fields the docs show or the filters imply.
OUR_ADDITIONS = {
    # The supplement draws a vendor there; the list filters by permission_template and employee.
    "GET /rest/v1.0/projects/{project_id}/users": {"employee_id", "is_employee", "job_title", "permission_template"},
    # FACTS 9.1: the answer for an upload that is not segmented; only the segmented one is drawn.
    "POST /rest/v1.1/projects/{project_id}/uploads": {"url", "fields"},
}


def test_the_pack_lists_the_operations_this_test_is_about() -> None:
    assert len(tier_1()) == 183
