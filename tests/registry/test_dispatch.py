"""A call from name and arguments to a shaped answer or a coded error."""

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, NotFound, NotPermitted
from construction_mcp.core.services import Services
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.registry.dispatch import Call, Dispatcher
from tests.registry.conftest import ADMIN, VIEWER

pytestmark = pytest.mark.anyio


async def refusal(dispatcher: Dispatcher, name: str, arguments: dict[str, object], call: Call) -> ConstructionError:
    with pytest.raises(ConstructionError) as caught:
        await dispatcher.call_tool(name, arguments, call)
    return caught.value


async def test_arguments_arrive_as_their_types_and_answers_leave_as_json(
    dispatcher: Dispatcher, as_admin: Call
) -> None:
    outcome = await dispatcher.call_tool("echo", {"text": "hi", "due_on": "2026-03-01"}, as_admin)

    assert outcome.structured == {"text": "hi", "due_on": "2026-03-01", "by": "local:0"}


async def test_a_null_for_an_optional_argument_means_absent(dispatcher: Dispatcher, as_admin: Call) -> None:
    outcome = await dispatcher.call_tool("echo", {"text": "hi", "due_on": None}, as_admin)

    assert outcome.structured == {"text": "hi", "by": "local:0"}


async def test_services_are_injected_by_annotation(dispatcher: Dispatcher, as_admin: Call) -> None:
    outcome = await dispatcher.call_tool("what_time", {}, as_admin)

    assert outcome.structured == {"text": "2026-03-02T15:00:00+00:00"}


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        ({"txt": "a"}, "VALIDATION_UNKNOWN_FIELD", "txt"),
        ({}, "VALIDATION_MISSING_FIELD", "text"),
        ({"text": 5}, "VALIDATION_INVALID", "text"),
        ({"text": "a" * 51}, "VALIDATION_INVALID", "text"),
        ({"text": None}, "VALIDATION_INVALID", "text"),
        ({"text": "a\x00b"}, "VALIDATION_INVALID", "text"),
        ({"text": "\ud800"}, "VALIDATION_INVALID", "text"),
        ({"text": "a", "due_on": "2026-02-30"}, "VALIDATION_INVALID", "due_on"),
    ],
)
async def test_a_bad_argument_is_named(
    dispatcher: Dispatcher, as_admin: Call, arguments: dict[str, object], code: str, field: str
) -> None:
    error = await refusal(dispatcher, "echo", arguments, as_admin)

    assert (error.code, error.details["field"]) == (code, field)


async def test_a_misspelt_argument_gets_the_nearest_name(dispatcher: Dispatcher, as_admin: Call) -> None:
    error = await refusal(dispatcher, "echo", {"texts": "a"}, as_admin)

    assert error.details["nearest"] == ["text"]


async def test_a_huge_integer_is_out_of_range(dispatcher: Dispatcher, as_admin: Call) -> None:
    error = await refusal(dispatcher, "list_notes", {"limit": 10**4000}, as_admin)

    assert error.code == "VALIDATION_INVALID"
    assert len(error.message) < 200


async def test_a_whole_number_written_as_a_fraction_arrives_whole(dispatcher: Dispatcher, as_admin: Call) -> None:
    outcome = await dispatcher.call_tool("list_notes", {"limit": 1.0}, as_admin)

    assert outcome.structured is not None
    assert len(outcome.structured["items"]) == 1
    assert (await refusal(dispatcher, "list_notes", {"limit": 1e308}, as_admin)).code == "VALIDATION_INVALID"


@pytest.mark.parametrize("value", ["a", "\x00", 10**400], ids=["unknown", "unstorable", "too large"])
async def test_an_endless_name_is_not_echoed(dispatcher: Dispatcher, as_admin: Call, value: object) -> None:
    error = await refusal(dispatcher, "echo", {"n" * 1_000_000: value}, as_admin)

    assert len(str(error.public())) < 1500


async def test_depth_is_bounded(dispatcher: Dispatcher, as_admin: Call) -> None:
    deep: object = "x"
    for _ in range(100):
        deep = [deep]

    error = await refusal(dispatcher, "use_tool", {"name": "echo", "arguments": {"text": deep}}, as_admin)

    assert error.code == "VALIDATION_TOO_LARGE"


async def test_an_unknown_tool_names_its_neighbours_and_the_way_on(dispatcher: Dispatcher, as_admin: Call) -> None:
    error = await refusal(dispatcher, "list_note", {}, as_admin)

    assert error.code == "VALIDATION_UNKNOWN_TOOL"
    assert error.details["nearest"][0] == "list_notes"
    assert error.next_call is not None
    assert error.next_call.tool == "find_tools"


async def test_fields_trim_items_and_keep_the_id(dispatcher: Dispatcher, as_admin: Call) -> None:
    outcome = await dispatcher.call_tool("list_notes", {"fields": ["title"]}, as_admin)

    assert outcome.structured is not None
    assert outcome.structured["items"] == [{"id": 0, "title": "note 0"}, {"id": 1, "title": "note 1"}]


async def test_an_unknown_field_is_an_error(dispatcher: Dispatcher, as_admin: Call) -> None:
    error = await refusal(dispatcher, "list_notes", {"fields": ["titel"]}, as_admin)

    assert error.details["nearest"] == ["title"]


async def test_an_answer_beyond_the_limit_is_refused_with_advice(dispatcher: Dispatcher, as_admin: Call) -> None:
    error = await refusal(dispatcher, "list_notes", {"limit": 5000}, as_admin)

    assert error.code == "VALIDATION_TOO_LARGE"
    assert "limit" in (error.hint or "")


async def test_a_call_that_hangs_is_stopped(dispatcher: Dispatcher, as_admin: Call) -> None:
    error = await refusal(dispatcher, "hang", {}, as_admin)

    assert (error.code, error.retryable) == ("SYSTEM_TIMEOUT", True)


async def test_a_change_that_was_stopped_midway_is_not_to_be_repeated_blindly(
    dispatcher: Dispatcher, as_admin: Call
) -> None:
    error = await refusal(dispatcher, "hang_midway", {}, as_admin)

    assert (error.code, error.retryable) == ("SYSTEM_TIMEOUT", False)
    assert "idempotency_key" in (error.hint or "")


async def test_a_flood_is_refused_not_queued(catalog: Catalog, as_admin: Call) -> None:
    dispatcher = Dispatcher(catalog, Services({}), Limits(calls_in_flight_max=0))

    error = await refusal(dispatcher, "echo", {"text": "a"}, as_admin)

    assert (error.code, error.retry_after_s) == ("SYSTEM_BUSY", 1)


async def test_below_its_role_a_caller_is_refused_before_arguments_are_read(
    dispatcher: Dispatcher, as_viewer: Call
) -> None:
    refusals = [
        await refusal(dispatcher, "shout", arguments, as_viewer) for arguments in ({}, {"text": "x"}, {"id": 7})
    ]

    assert {type(error) for error in refusals} == {NotPermitted}
    assert len({error.message for error in refusals}) == 1


async def test_read_only_hides_every_effect(dispatcher: Dispatcher, catalog: Catalog) -> None:
    view = View(toolsets=("all",), read_only=True)
    error = await refusal(dispatcher, "write_note", {"title": "a"}, Call(ADMIN, view))
    through = await refusal(dispatcher, "use_tool", {"name": "shout", "arguments": {"text": "a"}}, Call(ADMIN, view))

    assert error.code == through.code == "VALIDATION_UNKNOWN_TOOL"
    assert all(tool.annotations["readOnlyHint"] for tool in catalog.listed_tools(view))


async def test_use_tool_is_the_same_call(dispatcher: Dispatcher, as_admin: Call) -> None:
    direct = await dispatcher.call_tool("echo", {"text": "hi"}, as_admin)
    through = await dispatcher.call_tool("use_tool", {"name": "echo", "arguments": {"text": "hi"}}, as_admin)

    assert through.structured == {"result": direct.structured}


async def test_errors_come_through_use_tool_as_they_are(dispatcher: Dispatcher, as_admin: Call) -> None:
    direct = await refusal(dispatcher, "write_note", {"title": "a"}, as_admin)
    through = await refusal(dispatcher, "use_tool", {"name": "write_note", "arguments": {"title": "a"}}, as_admin)

    assert through.public() == direct.public()


async def test_find_tools_offers_only_what_the_caller_may_use(dispatcher: Dispatcher) -> None:
    for_viewer = await dispatcher.call_tool("find_tools", {"query": "tell the world"}, Call(VIEWER, View()))
    for_admin = await dispatcher.call_tool("find_tools", {"query": "tell the world"}, Call(ADMIN, View()))

    assert for_viewer.structured is not None
    assert for_admin.structured is not None
    assert "shout" not in [item["name"] for item in for_viewer.structured["items"]]
    assert for_admin.structured["items"][0]["name"] == "shout"


async def test_a_template_reads_by_its_parts_and_by_role(
    dispatcher: Dispatcher, as_admin: Call, as_viewer: Call
) -> None:
    _, value = await dispatcher.read_resource("note://7/body", as_admin)

    assert value == "body of 7"
    with pytest.raises(NotPermitted):
        await dispatcher.read_resource("note://7/body", as_viewer)


@pytest.mark.parametrize("uri", ["note://7/8/body", "note:///body", "note://7/body?x", "file:///etc/passwd", ""])
async def test_a_uri_that_fits_no_template_is_not_found(dispatcher: Dispatcher, as_admin: Call, uri: str) -> None:
    with pytest.raises(NotFound):
        await dispatcher.read_resource(uri, as_admin)


async def test_a_prompt_takes_exactly_its_arguments(dispatcher: Dispatcher, as_admin: Call) -> None:
    text = await dispatcher.get_prompt("greet", {"name": "Ann", "tone": "cold"}, as_admin)

    assert text == "Greet Ann in a cold way."
    for arguments in ({}, {"name": "Ann", "mood": "odd"}):
        with pytest.raises(ConstructionError):
            await dispatcher.get_prompt("greet", arguments, as_admin)


async def test_completion_serves_its_argument_and_no_other(dispatcher: Dispatcher, as_admin: Call) -> None:
    assert await dispatcher.complete("greet", "tone", "wa", as_admin) == ["warm", "wary"]
    assert await dispatcher.complete("greet", "name", "wa", as_admin) == []
