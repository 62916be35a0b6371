"""Whatever is sent, the answer is a status, never a stumble."""

from typing import Any

import anyio
import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.areas import all_routes
from tests.simulator.conftest import first_company, first_project
from tests.simulator.examples import Needs
from tests.simulator.test_faults_and_ledger import rfi_path

pytestmark = pytest.mark.anyio

WRITES = sorted({(route.method, route.path) for route in all_routes() if route.method in ("POST", "PATCH", "DELETE")})
READS = sorted({route.path for route in all_routes() if route.method == "GET"})


def filled(path: str, sim: Simulator, value: str = "7") -> str:
    """The path with the sample's company and project, and `value` for every other id."""
    path = path.replace("{project_id}", str(first_project(sim.world)))
    path = path.replace("{company_id}", str(first_company(sim.world)))
    return "/".join(value if segment.startswith("{") else segment for segment in path.split("/"))


async def with_real_ids(path: str, sim: Simulator, http: httpx.AsyncClient) -> str:
    """The path with ids that exist, where the examples know them: a refusal before the body is read proves little."""
    needs = Needs(sim.world, http)
    try:
        if "webhooks/hooks/" in path:
            await needs.hook(path)
        return await needs.fill(path)
    except (KeyError, StopIteration, RuntimeError):
        return filled(path, sim)


def submittal_of_an_approver(sim: Simulator) -> int | None:
    return next(iter(sim.world.table("submittal_approver", first_project(sim.world)))).parent


def wrong_bodies(path: str) -> list[Any]:
    """No object, an empty one, and wrong things under every name a wrapper may have."""
    names = (
        "rfi",
        "reply",
        "submittal",
        "punch_item",
        "observation",
        "list",
        "item_response",
        "hook",
        "trigger",
        "file",
    )
    logs = [segment.removesuffix("s") for segment in path.split("/")]
    return [[], [1], "text", 5, None, {}, *(dict.fromkeys([*names, *logs], wrong) for wrong in (None, [], "x", {}))]


@pytest.mark.parametrize(("method", "path"), WRITES, ids=str)
async def test_no_body_makes_a_write_stumble(method: str, path: str, sim: Simulator, http: httpx.AsyncClient) -> None:
    query = {"project_id": first_project(sim.world), "submittal_id": submittal_of_an_approver(sim)}
    real = await with_real_ids(path, sim, http)
    for body in wrong_bodies(path):
        answer = await http.request(method, real, params=query, json=body)
        assert answer.status_code != 500, (body, answer.text)


async def test_no_id_and_no_parameter_makes_a_read_stumble(sim: Simulator, http: httpx.AsyncClient) -> None:
    queries: list[dict[str, Any]] = [
        {},
        {"project_id": "x", "company_id": first_company(sim.world)},
        {"project_id": first_project(sim.world), "filters[updated_at]": "yesterday", "sort": "nothing"},
        {"project_id": first_project(sim.world), "filters[id]": "[1", "page": "2", "log_date": "today"},
    ]
    for path in READS:
        for query in queries:
            for value in ("7", "x"):
                answer = await http.get(filled(path, sim, value), params=query)
                assert answer.status_code != 500, (path, query, answer.text)


async def test_the_company_in_the_query_must_be_the_one_in_the_header(sim: Simulator, http: httpx.AsyncClient) -> None:
    answer = await http.get("/rest/v1.1/projects", params={"company_id": first_company(sim.world) + 1})

    assert answer.status_code == 403


async def test_a_reset_frees_hooks_from_their_old_waits(sim: Simulator, http: httpx.AsyncClient) -> None:
    """A worker in its backoff must not hold up a hook that gets the same id after a reset."""
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sim.world.clock.sleep, 3600)
            await anyio.lowlevel.checkpoint()
            await http.post("/_sim/reset")

    assert (await http.get(rfi_path(sim))).status_code == 401
