"""Lists over several pages."""

import asyncio

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NotFound
from construction_mcp.procore.budget import current_account
from tests.procore.desk import SERVICE, build_desk, in_process
from tests.procore.scripted import Say

pytestmark = pytest.mark.anyio

PATH = "/rest/v1.0/projects/7/rfis"
LINKS_KEPT = ("next", "last")


def book(rows, *, links=LINKS_KEPT, total=True, per_page_max=100, drops_filters=True):
    """A paged list as Procore serves it."""

    def serve(call):
        size = min(int(call.query.get("per_page", ["100"])[0]), per_page_max)
        number = int(call.query.get("page", ["1"])[0])
        last = max(1, -(-len(rows) // size))
        query = "" if drops_filters else "filters[status][]=open&"
        here = f"<https://api.procore.test{PATH}?{query}page="
        found = {"next": number + 1, "last": last, "first": 1} if number < last else {}
        told = {"per-page": str(size)}
        if total:
            told["total"] = str(len(rows))
        if found:
            told["link"] = ", ".join(f'{here}{found[rel]}&per_page={size}>; rel="{rel}"' for rel in links)
        return Say(200, rows[(number - 1) * size : number * size], told)

    return serve


def records(count):
    return [{"id": number, "subject": f"RFI {number}"} for number in range(count)]


async def test_every_page_is_read_once_and_in_order(desk, procore):
    procore.routes["GET", PATH] = book(records(450))

    listing = await desk.pages.read(SERVICE, PATH, {"filters": {"status": ["open"]}})

    assert listing.items == records(450)
    assert (listing.total, listing.truncated) == (450, False)
    assert sorted(int(call.query["page"][0]) for call in procore.calls) == [1, 2, 3, 4, 5]


async def test_our_filters_are_on_every_page_although_links_drop_them(desk, procore):
    procore.routes["GET", PATH] = book(records(250))

    await desk.pages.read(SERVICE, PATH, {"filters": {"status": ["open"]}})

    assert [call.query["filters[status][]"] for call in procore.calls] == [["open"]] * 3


async def test_the_pages_after_the_first_are_asked_for_together(desk, procore):
    """Two round trips, however many pages."""
    procore.routes["GET", PATH] = book(records(900))
    under_way, most = 0, 0

    async def watch(call):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1

    procore.before = watch
    await desk.pages.read(SERVICE, PATH)

    assert most == 8


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        ({"total": False}, 5),
        ({"total": False, "links": ("next",)}, 5),
        ({"per_page_max": 50}, 9),
        ({"drops_filters": False}, 5),
    ],
    ids=["last link", "next link only", "a smaller page than asked", "links with filters"],
)
async def test_a_list_is_whole_however_it_tells_its_length(desk, procore, options, requests):
    procore.routes["GET", PATH] = book(records(450), **options)

    listing = await desk.pages.read(SERVICE, PATH)

    assert listing.items == records(450)
    assert listing.truncated is False
    assert len(procore.calls) == requests


async def test_a_cursor_in_the_link_is_followed(desk, procore):
    def serve(call):
        place = int(call.query.get("cursor", ["0"])[0])
        more = {"link": f'<https://x.test/y?cursor={place + 1}&per_page=2>; rel="next"'} if place < 2 else {}
        return Say(200, {"data": [{"id": str(place)}]}, more)

    procore.routes["GET", PATH] = serve

    listing = await desk.pages.read(SERVICE, PATH)

    assert [row["id"] for row in listing.items] == ["0", "1", "2"]


async def test_a_list_without_links_is_all_there_is(desk, procore):
    """More than half of Procore's lists are not paged."""
    procore.routes["GET", PATH] = Say(200, records(340))

    listing = await desk.pages.read(SERVICE, PATH)

    assert (len(listing.items), listing.truncated, len(procore.calls)) == (340, False, 1)


async def test_no_more_rows_than_asked_for_and_it_says_so(desk, procore):
    procore.routes["GET", PATH] = book(records(450))

    listing = await desk.pages.read(SERVICE, PATH, items_max=25)

    assert (len(listing.items), listing.total, listing.truncated, len(procore.calls)) == (25, 450, True, 1)


async def test_a_list_that_ignores_our_page_size_is_cut_here_and_says_so(desk, procore):
    procore.routes["GET", PATH] = Say(200, records(340))

    listing = await desk.pages.read(SERVICE, PATH, items_max=25)

    assert (listing.items, listing.truncated) == (records(25), True)


async def test_a_list_ends_at_the_page_limit_and_says_so(procore, clock):
    procore.routes["GET", PATH] = book(records(450))
    desk = build_desk(clock, in_process(procore), limits=Limits(procore_pages_max=3))

    listing = await desk.pages.read(SERVICE, PATH)

    assert (len(listing.items), listing.truncated) == (300, True)


async def test_a_list_ends_at_the_calls_budget_and_says_so(procore, clock):
    procore.routes["GET", PATH] = book(records(900))
    desk = build_desk(clock, in_process(procore), limits=Limits(requests_per_call=4))
    token = current_account.set(desk.usage.new_account())
    try:
        listing = await desk.pages.read(SERVICE, PATH)
    finally:
        current_account.reset(token)

    assert (len(listing.items), listing.truncated, len(procore.calls)) == (400, True, 4)


async def test_a_record_pushed_to_the_next_page_is_not_listed_twice(desk, procore):
    rows = records(150)
    procore.routes["GET", PATH] = book([*rows[:100], rows[99], *rows[100:]])

    listing = await desk.pages.read(SERVICE, PATH)

    assert listing.items == rows


async def test_one_page_that_fails_fails_the_list(desk, procore):
    whole = book(records(450))
    procore.routes["GET", PATH] = lambda call: Say(404, {}) if call.query["page"] == ["3"] else whole(call)

    with pytest.raises(NotFound):
        await desk.pages.read(SERVICE, PATH)


async def test_pages_are_kept_like_any_read(desk, procore):
    procore.routes["GET", PATH] = book(records(250))
    for _ in range(3):
        await desk.pages.read(SERVICE, PATH, ttl_s=300)

    assert len(procore.calls) == 3
