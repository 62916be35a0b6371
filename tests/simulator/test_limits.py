"""Two rate windows on a clock that is moved (FACTS 3)."""

import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.limits import DOCS_WINDOWS, parse_windows
from construction_mcp.simulator.switches import Switches
from construction_mcp.simulator.world import World
from tests.simulator.conftest import client_credentials, first_company, plain_client

pytestmark = pytest.mark.anyio


async def ask(world: World, times: int, sim: Simulator) -> list[httpx.Response]:
    async with plain_client(sim) as http:
        headers = {
            "Authorization": f"Bearer {await client_credentials(http, world)}",
            "Procore-Company-Id": str(first_company(world)),
        }
        return [await http.get("/rest/v1.0/companies", headers=headers) for _ in range(times)]


def told(answer: httpx.Response) -> tuple[int, int]:
    return int(answer.headers["x-rate-limit-limit"]), int(answer.headers["x-rate-limit-remaining"])


async def test_the_spike_window_lets_25_through_and_names_its_reset(world: World) -> None:
    answers = await ask(world, 26, Simulator(world))

    assert [answer.status_code for answer in answers] == [200] * 25 + [429]
    assert told(answers[0]) == (25, 24)
    assert told(answers[24]) == (25, 0)
    assert int(answers[25].headers["x-rate-limit-reset"]) == int(world.clock.now().timestamp()) + 10
    assert answers[25].headers["retry-after"] == "10"


async def test_the_spike_window_opens_again_after_ten_seconds(world: World) -> None:
    sim = Simulator(world)
    await ask(world, 25, sim)
    world.advance(9)
    early = await ask(world, 1, sim)
    world.advance(1)
    late = await ask(world, 1, sim)

    assert (early[0].status_code, late[0].status_code) == (429, 200)


async def test_the_hour_is_counted_across_spikes_and_then_reported(world: World) -> None:
    """The headers speak of the window that will be hit first."""
    sim = Simulator(world)
    statuses, last = [], None
    for _ in range(24):
        answers = await ask(world, 25, sim)
        statuses += [answer.status_code for answer in answers]
        last = answers[-1]
        world.advance(10)
    refused = (await ask(world, 1, sim))[0]

    assert statuses == [200] * 600
    assert last is not None
    assert told(refused) == (600, 0)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 3600 - 240


async def test_a_refused_request_does_not_count(world: World) -> None:
    sim = Simulator(world, windows=((2, 10.0),))
    answers = await ask(world, 5, sim)
    world.advance(10)
    after = await ask(world, 2, sim)

    assert [answer.status_code for answer in answers + after] == [200, 200, 429, 429, 429, 200, 200]


@pytest.mark.parametrize(("switch", "has_retry_after"), [("reset", False), ("retry_after", True), ("both", True)])
async def test_which_header_a_429_carries_is_a_switch(world: World, switch: str, has_retry_after: bool) -> None:
    world.switches = Switches().with_changes({"throttle_answer": switch})
    answer = (await ask(world, 2, Simulator(world, windows=((1, 10.0),))))[-1]

    assert answer.status_code == 429
    assert ("retry-after" in answer.headers) == has_retry_after


async def test_rate_headers_can_vanish_or_lie(world: World) -> None:
    sim = Simulator(world, windows=((2, 10.0),))
    world.switches = Switches(rate_headers="absent")
    absent = (await ask(world, 1, sim))[0]
    world.switches = Switches(rate_headers="wrong")
    wrong = (await ask(world, 1, sim))[0]

    assert "x-rate-limit-limit" not in absent.headers
    assert told(wrong) == (2, 2)
    assert int(wrong.headers["x-rate-limit-reset"]) < world.clock.now().timestamp()


async def test_signing_in_and_control_do_not_count(world: World) -> None:
    sim = Simulator(world, windows=((1, 10.0),))
    async with plain_client(sim) as http:
        for _ in range(3):
            await client_credentials(http, world)
            await http.get("/_sim/state")
    answer = (await ask(world, 1, sim))[0]

    assert answer.status_code == 200


def test_windows_are_read_from_the_command_line() -> None:
    assert parse_windows("docs") == DOCS_WINDOWS == ((600, 3600.0), (25, 10.0))
    assert parse_windows("off") == ()
    assert parse_windows("100/60,10/1") == ((100, 60.0), (10, 1.0))
    for wrong in ("fast", "10", "0/1", "5/0", "5/x"):
        with pytest.raises(ValueError, match="--rate-limit"):
            parse_windows(wrong)
