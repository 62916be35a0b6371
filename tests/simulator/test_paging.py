"""Pages by Link, Total and Per-Page (FACTS 4), for any page size."""

import re

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from construction_mcp.core.clock import ManualClock
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.call import Actor, Call
from construction_mcp.simulator.paging import PageSize, cut_page
from construction_mcp.simulator.switches import Switches
from construction_mcp.simulator.world import World
from tests.simulator.test_faults_and_ledger import rfi_path

_LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')


def links(headers: dict[str, str]) -> dict[str, str]:
    return {rel: url for url, rel in _LINK.findall(headers.get("Link") or headers.get("link") or "")}


def call(world: World, **query: int) -> Call:
    asked = {name: [str(value)] for name, value in query.items()}
    return Call(world, Actor(1, "app"), "GET", "/rest/v1.0/things", "http://api", {}, asked, {})


_WORLD = World(clock=ManualClock(), scale="small")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(total=st.integers(0, 300), per_page=st.integers(1, 80))
def test_following_next_visits_every_row_once_in_order(total: int, per_page: int) -> None:
    rows, seen, page = list(range(total)), [], 1
    while True:
        shown, headers = cut_page(call(_WORLD, page=page, per_page=per_page), rows, PageSize())
        seen += shown
        assert (headers["Total"], headers["Per-Page"]) == (str(total), str(per_page))
        following = links(headers).get("next")
        if following is None:
            break
        page = int(httpx.URL(following).params["page"])

    assert seen == rows


@given(total=st.integers(1, 300), per_page=st.integers(1, 80), page=st.integers(1, 40))
def test_links_name_exactly_the_pages_the_docs_say(total: int, per_page: int, page: int) -> None:
    """Page 1: next, last. Page 2: no prev. The last: no next."""
    last = -(-total // per_page)
    _, headers = cut_page(call(_WORLD, page=page, per_page=per_page), list(range(total)), PageSize())
    found = set(links(headers))

    assert ("next" in found) == (page < last)
    assert ("first" in found) == (page > 1)
    assert ("prev" in found) == (page > 2)


def test_prev_on_page_2_and_the_query_in_links_are_switches() -> None:
    world = World(clock=ManualClock(), scale="small", switches=Switches(link_prev_on_page_2=True, link_query="dropped"))
    _, headers = cut_page(call(world, page=2, per_page=2, project_id=7), list(range(9)), PageSize())

    assert links(headers)["prev"] == "http://api/rest/v1.0/things?page=1&per_page=2"


@pytest.mark.anyio
async def test_a_v1_list_is_a_bare_array_and_a_v2_list_pages_by_ten(sim: Simulator, http: httpx.AsyncClient) -> None:
    project = next(iter(sim.world.table("project", 1000000001)))
    v1 = await http.get(rfi_path(sim), params={"per_page": 5})
    v2 = await http.get(
        f"/rest/v2.0/companies/{project.scope}/projects/{project.id}/schedules/schedule-{project.id}/activities"
    )
    too_many = await http.get(f"{v2.request.url}?per_page=500")

    assert len(v1.json()) == 5
    assert len(v2.json()["data"]) == 10
    assert int(too_many.headers["per-page"]) == 100


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", ["0", "-1", "x", "1.5"])
async def test_a_page_that_is_no_positive_number_is_refused(
    sim: Simulator, http: httpx.AsyncClient, wrong: str
) -> None:
    answer = await http.get(rfi_path(sim), params={"page": wrong})

    assert answer.status_code == 400
