"""Documents, drawings and specifications as the simulated Procore has them."""

import pytest

from tests.toolsets.desk import DEFAULT_CHARS_MAX, size

pytestmark = pytest.mark.anyio


def files(desk):
    return list(desk.world.table("file", desk.projects[0]))


async def test_the_root_is_one_request_and_holds_its_own_level_only(desk):
    answer = await desk.call("list_procore_documents", project_id=desk.projects[0])

    level = {one.id for one in desk.world.table("folder", desk.projects[0]) if one["parent_id"] is None}
    level |= {one.id for one in files(desk) if one["parent_id"] is None}
    assert desk.trace["upstream_requests"] == 1
    assert {one["id"] for one in answer["items"]} == level
    assert size(answer) <= DEFAULT_CHARS_MAX


async def test_a_folder_is_looked_into_by_its_id(desk):
    folder = files(desk)[0]["parent_id"]

    answer = await desk.call("list_procore_documents", project_id=desk.projects[0], folder_id=folder)

    wanted = {one.id for one in files(desk) if one["parent_id"] == folder}
    assert {one["id"] for one in answer["items"] if one["kind"] == "file"} == wanted


async def test_a_search_finds_files_in_every_folder_below(desk):
    answer = await desk.call("list_procore_documents", project_id=desk.projects[0], text="PDF", limit=100)

    wanted = {one.id for one in files(desk) if ".pdf" in one["name"].lower()}
    assert {one["id"] for one in answer["items"]} == wanted
    assert "truncated" not in answer


async def test_a_search_of_too_many_folders_stops_and_says_so(desk):
    for number in range(40):
        desk.world.add("folder", desk.projects[0], {"name": f"Bulletin {number}", "parent_id": None, "private": False})

    answer = await desk.call("list_procore_documents", project_id=desk.projects[0], text="bulletin", limit=100)

    assert answer["truncated"] is True
    assert answer["total"] == 40
    assert desk.trace["upstream_requests"] <= 30


async def test_folders_and_files_are_paged(desk):
    first = await desk.call("list_procore_documents", project_id=desk.projects[0], limit=4)
    second = await desk.call(
        "list_procore_documents", project_id=desk.projects[0], limit=4, cursor=first["next_cursor"]
    )

    assert desk.trace["upstream_requests"] == 0
    assert len({one["id"] for one in first["items"] + second["items"]}) == first["total"]


async def test_a_file_comes_with_its_versions_in_one_request(desk):
    file = files(desk)[0]

    answer = await desk.call("get_procore_document", project_id=desk.projects[0], document_id=file.id)

    assert desk.trace["upstream_requests"] == 1
    assert answer["item"]["name"] == file["name"]
    assert answer["item"]["versions"][0]["url"]


async def test_several_files_cost_a_request_each(desk):
    wanted = [one.id for one in files(desk)[:3]]

    answer = await desk.call("get_procore_document", project_id=desk.projects[0], ids=wanted)

    assert [one["id"] for one in answer["items"]] == wanted
    assert desk.trace["upstream_requests"] == 3


async def test_drawings_are_listed_at_their_current_revision(desk):
    answer = await desk.call("list_procore_drawings", project_id=desk.projects[0], limit=100)

    current = {one.id for one in desk.world.table("drawing_revision", desk.projects[0]) if one["current"]}
    assert {one["id"] for one in answer["items"]} == current


async def test_the_older_revisions_of_a_sheet_are_there_when_asked_for(desk):
    revisions = list(desk.world.table("drawing_revision", desk.projects[0]))
    drawing = next(one.parent for one in revisions if not one["current"])

    answer = await desk.call("list_procore_drawings", project_id=desk.projects[0], drawing_id=drawing, detail="full")

    assert {one["id"] for one in answer["items"]} == {one.id for one in revisions if one.parent == drawing}
    assert [one["is_current"] for one in answer["items"]].count(True) == 1


async def test_specifications_are_found_by_number_or_title(desk):
    sections = list(desk.world.table("specification_section", desk.projects[0]))

    every = await desk.call("list_procore_specifications", project_id=desk.projects[0], limit=100)
    concrete = await desk.call("list_procore_specifications", project_id=desk.projects[0], text="concrete")

    assert [one["number"] for one in every["items"]] == sorted(one["number"] for one in sections)
    assert {one["id"] for one in concrete["items"]} == {
        one.id for one in sections if "concrete" in one["description"].lower()
    }
    assert desk.trace["upstream_requests"] == 0
