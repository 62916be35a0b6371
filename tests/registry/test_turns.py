"""The bounds that tools, resources, prompts and completions share, and whose time they count."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.ports import Answer, Ask
from construction_mcp.core.services import Services
from construction_mcp.registry.catalog import Catalog
from construction_mcp.registry.dispatch import Call, Dispatcher

pytestmark = pytest.mark.anyio

TIMEOUT_S = 0.02
Use = Callable[[Dispatcher, Call], Awaitable[Any]]
USES: dict[str, Use] = {
    "tool": lambda dispatcher, call: dispatcher.call_tool("hang", {}, call),
    "resource": lambda dispatcher, call: dispatcher.read_resource("hanging://7", call),
    "prompt": lambda dispatcher, call: dispatcher.get_prompt("dither", {"where": "there"}, call),
    "completion": lambda dispatcher, call: dispatcher.complete("dither", "where", "t", call),
}


class SlowPerson:
    """Answers each question after the whole time of a call; `answers=False` never does.

    Timers of one loop fire in the order of their time: a call's own limit, were it running, would come first.
    """

    can_form = can_url = True
    state = None

    def __init__(self, *, answers: bool = True) -> None:
        self._answers = answers
        self.asked = 0

    async def form(self, key: str, message: str, schema: Mapping[str, Any], *, state: str | None = None) -> Answer:
        return await self._think()

    async def url(self, key: str, message: str, url: str, *, state: str | None = None) -> Answer:
        return await self._think()

    async def _think(self) -> Answer:
        self.asked += 1
        decided = asyncio.Event()
        if self._answers:
            asyncio.get_running_loop().call_later(2 * TIMEOUT_S, decided.set)
        await decided.wait()
        return Answer("accept")


def dispatcher_of(catalog: Catalog, **limits: Any) -> Dispatcher:
    return Dispatcher(catalog, Services({}), Limits(**{"call_timeout_s": TIMEOUT_S, **limits}))


def asking(call: Call, person: SlowPerson) -> Call:
    return replace(call, provided={Ask: person})


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_whatever_hangs_is_stopped(catalog: Catalog, as_admin: Call, use: Use) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable) as caught:
            await use(dispatcher_of(catalog), as_admin)

    assert (caught.value.code, caught.value.retryable) == ("SYSTEM_TIMEOUT", True)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_a_flood_of_anything_is_refused_not_queued(catalog: Catalog, as_admin: Call, use: Use) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable) as caught:
            await use(dispatcher_of(catalog, calls_in_flight_max=0), as_admin)

    assert (caught.value.code, caught.value.retry_after_s) == ("SYSTEM_BUSY", 1)


async def test_a_turn_that_ended_makes_room_for_the_next(catalog: Catalog, as_admin: Call) -> None:
    dispatcher = dispatcher_of(catalog, calls_in_flight_max=1)
    for use in USES.values():
        with pytest.raises(Unavailable):
            await use(dispatcher, as_admin)

    assert (await dispatcher.call_tool("echo", {"text": "hi"}, as_admin)).structured


@pytest.mark.parametrize("name", ["consult", "use_tool"])
async def test_the_time_a_person_takes_is_not_the_calls(catalog: Catalog, as_admin: Call, name: str) -> None:
    """Directly, and through the tool that calls another one, where both of them wait."""
    person = SlowPerson()
    arguments = {} if name == "consult" else {"name": "consult", "arguments": {}}

    outcome = await dispatcher_of(catalog).call_tool(name, arguments, asking(as_admin, person))

    assert "accept, accept" in str(outcome.structured)
    assert person.asked == 2


async def test_after_the_answer_the_calls_own_time_goes_on(catalog: Catalog, as_admin: Call) -> None:
    person = SlowPerson()
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable) as caught:
            await dispatcher_of(catalog).call_tool("consult", {"then_hang": True}, asking(as_admin, person))

    assert person.asked == 2
    assert "consult took too long" in caught.value.message


async def test_a_question_that_nobody_answers_has_an_end_of_its_own(catalog: Catalog, as_admin: Call) -> None:
    person = SlowPerson(answers=False)
    dispatcher = dispatcher_of(catalog, call_timeout_s=60.0, answer_wait_s=TIMEOUT_S)
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable) as caught:
            await dispatcher.call_tool("consult", {}, asking(as_admin, person))

    assert "Nobody answered" in caught.value.message
    assert caught.value.retryable is False
