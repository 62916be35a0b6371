"""What breaks hurried clients: the behaviour of FACTS 5 to 10, seen through HTTP."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.switches import Switches
from construction_mcp.simulator.world import World
from tests.simulator.conftest import first_company, first_project
from tests.simulator.test_faults_and_ledger import new_rfi, rfi_path

pytestmark = pytest.mark.anyio


def project_of(sim: Simulator) -> Record:
    return sim.world.get("project", first_company(sim.world), first_project(sim.world))


async def rows(http: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


# -- RFIs


async def test_an_official_reply_leaves_the_rfi_open_until_it_is_accepted(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    """FACTS 10.1."""
    rfi = (await http.post(rfi_path(sim), json=new_rfi(sim))).json()
    own = f"{rfi_path(sim)}/{rfi['id']}"
    reply = await http.post(f"{own}/replies", json={"reply": {"body": "Lower.", "official": True}})
    replied = (await http.get(own)).json()
    closed = (await http.patch(own, json={"rfi": {"accepted": True}})).json()

    assert reply.json()["official"] is True
    assert (rfi["status"], rfi["ball_in_court_role"]) == ("open", "assignees")
    assert (replied["status"], replied["ball_in_court_role"]) == ("open", "rfi_manager")
    assert replied["questions"][0]["answers"][0]["plain_text_body"] == "Lower."
    assert (closed["status"], closed["ball_in_court"], closed["ball_in_courts"]) == ("closed", None, [])
    assert closed["time_resolved"] is not None


async def test_the_list_leaves_answers_out(sim: Simulator, http: httpx.AsyncClient) -> None:
    listed = await rows(http, rfi_path(sim))

    assert all("answers" not in row["questions"][0] for row in listed)


async def test_an_rfi_without_assignees_is_refused_in_the_loose_shape(sim: Simulator, http: httpx.AsyncClient) -> None:
    body = new_rfi(sim)
    del body["rfi"]["assignee_ids"]
    answer = await http.post(rfi_path(sim), json=body)

    assert (answer.status_code, answer.json()) == (400, {"errors": {"assignees": ["required"]}})


async def test_a_draft_has_no_number_until_it_is_sent(sim: Simulator, http: httpx.AsyncClient) -> None:
    body = new_rfi(sim)
    body["rfi"]["draft"] = True
    draft = (await http.post(rfi_path(sim), json=body)).json()
    sent = (await http.patch(f"{rfi_path(sim)}/{draft['id']}", json={"rfi": {"draft": False}})).json()

    assert (draft["status"], draft["number"]) == ("draft", None)
    assert sent["status"] == "open"
    assert int(sent["number"]) > 0


async def test_recycling_hides_an_rfi_and_retrieving_brings_it_back(sim: Simulator, http: httpx.AsyncClient) -> None:
    rfi = (await http.post(rfi_path(sim), json=new_rfi(sim))).json()
    own = f"{rfi_path(sim)}/{rfi['id']}"
    await http.patch(f"{own}/recycle")
    hidden = await http.get(own)
    binned = await rows(http, f"{rfi_path(sim)}/recycle_bin")
    back = (await http.patch(f"{own}/retrieve")).json()

    assert hidden.status_code == 404
    assert [each["id"] for each in binned] == [rfi["id"]]
    assert back["status"] == "open"


async def test_a_date_nobody_can_read_is_stored_as_null_without_an_error(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    """FACTS 6, silent failure."""
    body = new_rfi(sim)
    body["rfi"]["due_date"] = "next Friday"
    answer = await http.post(rfi_path(sim), json=body)

    assert (answer.status_code, answer.json()["due_date"]) == (201, None)


async def test_filters_narrow_by_status_holder_date_range_and_words(sim: Simulator, http: httpx.AsyncClient) -> None:
    everything = await rows(http, rfi_path(sim))
    opened = await rows(http, rfi_path(sim), **{"filters[status][]": "open"})
    holder = opened[0]["ball_in_court"]["id"]
    held = await rows(http, rfi_path(sim), **{"filters[ball_in_court_id]": holder})
    early = await rows(http, rfi_path(sim), **{"filters[created_at]": "2025-01-01...2025-12-01"})
    found = await rows(http, rfi_path(sim), search=opened[0]["subject"])

    assert 0 < len(opened) < len(everything)
    assert {row["status"] for row in opened} == {"open"}
    assert all(holder in [each["id"] for each in row["ball_in_courts"]] for row in held)
    assert early
    assert all(row["created_at"] < "2025-12-02" for row in early)
    assert opened[0]["id"] in [row["id"] for row in found]


async def test_rfis_sort_by_attribute_and_direction(sim: Simulator, http: httpx.AsyncClient) -> None:
    listed = await rows(http, rfi_path(sim), **{"sort[attribute]": "number", "sort[direction]": "desc"})
    numbers = [int(row["number"]) for row in listed if row["number"]]

    assert numbers == sorted(numbers, reverse=True)


async def test_the_observed_array_form_of_the_status_filter_is_a_switch(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    sim.world.switches = Switches(rfi_status_filter="array_form")
    everything = await rows(http, rfi_path(sim))
    plain = await rows(http, rfi_path(sim), **{"filters[status]": "open"})

    assert len(plain) == len(everything)


async def test_some_open_rfis_are_overdue_and_some_have_no_due_date(sim: Simulator) -> None:
    """The sample a project engineer would recognise."""
    today = sim.world.today(project_of(sim)).isoformat()
    medium = World(clock=ManualClock())
    found = [rfi for rfi in medium.table("rfi", first_project(medium)) if rfi["status"] == "open"]

    assert any(rfi["due_date"] and rfi["due_date"] < today for rfi in found)
    assert any(rfi["due_date"] is None for rfi in found)


# -- submittals


async def test_answers_move_a_submittal_along_its_approvers(sim: Simulator, http: httpx.AsyncClient) -> None:
    base = f"/rest/v1.1/projects/{first_project(sim.world)}/submittals"
    statuses = await rows(http, f"/rest/v1.0/companies/{first_company(sim.world)}/submittal_statuses")
    responses = await rows(http, f"/rest/v1.0/projects/{first_project(sim.world)}/submittal_responses")
    open_id = next(each["id"] for each in statuses if each["status"] == "Open")
    approved = next(each["id"] for each in responses if each["considered"] == "approved")
    submittal = (await rows(http, base, **{"filters[status_id]": open_id}))[0]
    waiting = [each for each in submittal["approvers"] if each["response"]["considered"] == "pending"]
    for each in waiting:
        query = {"project_id": first_project(sim.world), "submittal_id": submittal["id"]}
        body = {"submittal_approver": {"submittal_response_id": approved, "comment": "Go."}}
        answer = await http.patch(f"/rest/v1.0/submittal_approvers/{each['id']}", params=query, json=body)
        assert answer.status_code == 200
    after = (await http.get(f"{base}/{submittal['id']}")).json()

    assert submittal["ball_in_court"][0]["id"] == waiting[0]["user"]["id"]
    assert [each["id"] for each in after["ball_in_court"]] == [after["submittal_manager"]["id"]]
    assert after["status"]["status"] == "Open"


async def test_a_revision_is_a_record_that_takes_over(sim: Simulator, http: httpx.AsyncClient) -> None:
    base = f"/rest/v1.1/projects/{first_project(sim.world)}/submittals"
    first = (await rows(http, base))[0]
    body = {"submittal": {"number": first["number"], "title": "Again", "source_submittal_log_id": first["id"]}}
    second = (await http.post(base, json=body)).json()
    chain = await rows(http, f"{base}/{second['id']}/revisions")

    assert (second["revision"], second["current_revision"]) == ("1", True)
    assert [each["id"] for each in chain] == [first["id"], second["id"]]
    assert chain[0]["current_revision"] is False


async def test_distributing_closes_a_submittal_and_takes_the_ball_away(sim: Simulator, http: httpx.AsyncClient) -> None:
    project = first_project(sim.world)
    submittal = (await rows(http, f"/rest/v1.1/projects/{project}/submittals"))[0]
    answer = await http.patch(f"/rest/v1.0/projects/{project}/submittal_logs/{submittal['id']}/close_and_distribute")

    assert answer.json()["status"]["status"] == "Distributed"
    assert (answer.json()["ball_in_court"], answer.json()["distributed_at"]) == (
        [],
        sim.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


# -- daily logs


async def test_daily_logs_without_a_date_answer_today_only(sim: Simulator, http: httpx.AsyncClient) -> None:
    """FACTS 5: in the project's zone, and only what is approved."""
    path = f"/rest/v1.0/projects/{first_project(sim.world)}/manpower_logs"
    today = sim.world.today(project_of(sim))
    bare = await rows(http, path)
    week = await rows(http, path, start_date=(today - timedelta(days=9)).isoformat(), end_date=today.isoformat())
    pending = await rows(
        http, path, start_date="2025-01-01", end_date=today.isoformat(), **{"filters[status]": "pending"}
    )

    assert {row["date"] for row in bare} <= {today.isoformat()}
    assert len(week) > len(bare)
    assert all(row["status"] == "approved" for row in week)
    assert all(row["status"] == "pending" for row in pending)


async def test_hours_are_strings(sim: Simulator, http: httpx.AsyncClient) -> None:
    path = f"/rest/v1.0/projects/{first_project(sim.world)}/manpower_logs"
    made = (await http.post(path, json={"manpower_log": {"num_workers": 4, "num_hours": 8}})).json()

    assert (made["num_workers"], made["num_hours"], made["man_hours"]) == (4, "8.0", "32.0")


async def test_weather_answers_200_on_create_and_lists_its_words(sim: Simulator, http: httpx.AsyncClient) -> None:
    path = f"/rest/v1.1/projects/{first_project(sim.world)}/daily_logs/weather_logs"
    body = {"date": "2026-03-02", "sky": "Rain", "ground": "Wet/Muddy"}
    made = await http.post(path, json={"weather_log": body})
    wrong = await http.post(path, json={"weather_log": {**body, "sky": "Purple"}})

    assert (made.status_code, wrong.status_code) == (200, 400)


async def test_required_hours_of_a_visitor_log(sim: Simulator, http: httpx.AsyncClient) -> None:
    path = f"/rest/v1.0/projects/{first_project(sim.world)}/visitor_logs"
    answer = await http.post(path, json={"visitor_log": {"subject": "Owner walk"}})

    assert answer.status_code == 400
    assert answer.json()["fields"] == "visitor_log.begin_hour"


async def test_a_location_path_makes_its_tiers(sim: Simulator, http: httpx.AsyncClient) -> None:
    """FACTS 10.3: shown as "A>B"."""
    path = f"/rest/v1.0/projects/{first_project(sim.world)}/notes_logs"
    made = await http.post(path, json={"notes_log": {"comment": "Here", "mt_location": ["Level 9", "Attic"]}})

    assert made.json()["location"]["name"] == "Level 9>Attic"


async def test_looking_at_a_day_s_header_is_not_a_write(sim: Simulator, http: httpx.AsyncClient) -> None:
    path = f"/rest/v1.0/projects/{first_project(sim.world)}/daily_log_headers"
    shown = (await http.get(path, params={"log_date": "2024-01-05"})).json()
    done = {"daily_log_header": {"completed": True, "distributed": False}}
    completed = (await http.patch(path, params={"log_date": "2024-01-05"}, json=done)).json()

    assert [entry["write"] for entry in sim.ledger.since(0)[-2:]] == [False, True]
    assert completed["id"] == shown["id"]
    assert completed["completed_by"]["login"] == "automation@service-account.example"


# -- others


async def test_meetings_are_grouped_by_series(sim: Simulator, http: httpx.AsyncClient) -> None:
    groups = await rows(http, f"/rest/v1.1/projects/{first_project(sim.world)}/meetings")

    assert all(set(group) == {"group_title", "meetings"} for group in groups)
    assert len({group["group_title"] for group in groups}) == len(groups)


async def test_observation_statuses_are_numbers_in_filters_and_names_in_bodies(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    query = {"project_id": first_project(sim.world), "filters[status][]": "0"}
    listed = await rows(http, "/rest/v1.0/observations/items", **query)

    assert {row["status"] for row in listed} <= {"initiated"}


async def test_a_closed_punch_item_is_written_in_lower_and_read_in_upper_case(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    body = {"project_id": first_project(sim.world), "punch_item": {"name": "Door", "due": "2026-01-01"}}
    late = (await http.post("/rest/v1.1/punch_items", json=body)).json()
    body["punch_item"] = {"name": "Door", "status": "closed"}
    closed = (await http.patch(f"/rest/v1.1/punch_items/{late['id']}", json=body)).json()

    assert (late["status"], late["workflow_status"]) == ("Overdue", "initiated")
    assert (closed["status"], closed["ball_in_court"]) == ("Closed", [])


async def test_nested_folders_come_back_empty_from_the_root(sim: Simulator, http: httpx.AsyncClient) -> None:
    query = {"project_id": first_project(sim.world)}
    root = (await http.get("/rest/v1.0/folders", params=query)).json()
    contracts = next(each for each in root["folders"] if each["has_children_folders"])
    inside = (await http.get(f"/rest/v1.0/folders/{contracts['id']}", params=query)).json()

    assert contracts["folders"] == []
    assert inside["folders"]


async def test_money_is_text(sim: Simulator, http: httpx.AsyncClient) -> None:
    project = first_project(sim.world)
    view = (await rows(http, "/rest/v1.0/budget_views", project_id=project))[0]
    detail = await rows(http, f"/rest/v1.0/budget_views/{view['id']}/detail_rows", project_id=project)
    total = await rows(http, f"/rest/v1.0/budget_views/{view['id']}/summary_rows", project_id=project)

    amounts = [row["original_budget_amount"] for row in detail]
    assert all(isinstance(amount, str) and amount[-3] == "." for amount in amounts)
    assert f"{sum(map(float, amounts)):.2f}" == total[0]["original_budget_amount"]


async def test_configured_validations_bind_only_when_asked_for(sim: Simulator, http: httpx.AsyncClient) -> None:
    """FACTS 5; in the query or in the body is a switch (13.6)."""
    asked = await http.post(rfi_path(sim), json=new_rfi(sim), params={"run_configurable_validations": "true"})
    in_body = await http.post(rfi_path(sim), json={**new_rfi(sim), "run_configurable_validations": True})
    sim.world.switches = Switches(run_validations_in="query")
    ignored = await http.post(rfi_path(sim), json={**new_rfi(sim), "run_configurable_validations": True})

    assert (asked.status_code, in_body.status_code, ignored.status_code) == (422, 422, 201)


async def test_a_read_only_guest_may_look_and_not_touch(sim: Simulator, http: httpx.AsyncClient) -> None:
    actor = sim.world.table("user", 0)
    service = next(iter(actor))
    sim.world.change(service, {"level": "read"})
    looked = await http.get(rfi_path(sim))
    touched = await http.post(rfi_path(sim), json=new_rfi(sim))

    assert (looked.status_code, touched.status_code) == (200, 403)


@pytest.mark.parametrize("key", ["available_response_options", "available_responses"])
async def test_a_workflow_step_is_answered_by_its_assignee_with_one_of_its_options(
    sim: Simulator, http: httpx.AsyncClient, key: str
) -> None:
    """FACTS 9.5; the options' key is a switch (13.12)."""
    sim.world.switches = Switches().with_changes({"workflow_options_key": key})
    company, project = first_company(sim.world), first_project(sim.world)
    base = f"/rest/v2.0/companies/{company}/projects/{project}/workflows/instances"
    submittal = next(iter(sim.world.table("submittal", project)))
    item = {"tool_type": "submittals", "item_id": str(submittal.id)}
    made = (await http.post(base, json=item)).json()["data"]
    step = made["current_step_occurrence"]
    answer = {"current_step_occurrence_id": step["id"], "selected_response_option_id": step[key][0]["id"]}
    body = {"response": {**answer, "attachments": {}}}
    stranger = await http.post(f"{base}/{made['id']}/responses", json=body)
    instance = sim.world.get("workflow_instance", project, int(made["id"]))
    sim.world.change(instance, {"assignee_ids": [next(iter(sim.world.table("user", 0))).id]})
    assignee = await http.post(f"{base}/{made['id']}/responses", json=body)
    again = await http.post(f"{base}/{made['id']}/responses", json=body)
    listed = (await http.get(base, params={"filters[tool_type]": "submittals"})).json()["data"]

    assert [each.status_code for each in (stranger, assignee, again)] == [403, 204, 422]
    assert listed[0]["current_step_occurrence"]["name"] == "Final approval"


async def test_errors_have_the_shape_of_their_version(sim: Simulator, http: httpx.AsyncClient) -> None:
    """FACTS 6."""
    company, project = first_company(sim.world), first_project(sim.world)
    v1 = (await http.get(f"{rfi_path(sim)}/1")).json()
    v2 = (await http.get(f"/rest/v2.0/companies/{company}/projects/{project}/webhooks/hooks/1")).json()

    assert set(v1) == {"code", "message", "fields", "reason", "error"}
    assert v2["error"]["code"] == "NOT_FOUND"
    assert v2["error"]["details"][0]["reason_code"] == "NOT_FOUND"


async def test_a_project_made_by_a_service_account_stays_invisible_to_it(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    """FACTS 2.6: new projects are not added by themselves."""
    company = first_company(sim.world)
    made = (await http.post("/rest/v1.0/projects", json={"company_id": company, "project": {"name": "New"}})).json()
    listed = await rows(http, "/rest/v1.1/projects", company_id=company)

    shown = await http.get(f"/rest/v1.0/projects/{made['id']}", params={"company_id": company})

    assert made["id"] not in [row["id"] for row in listed]
    assert shown.status_code == 404


async def test_bodies_may_be_rails_forms_and_bad_ones_say_why(sim: Simulator, http: httpx.AsyncClient) -> None:
    manager = new_rfi(sim)["rfi"]["rfi_manager_id"]
    form = {
        "rfi[subject]": "By form",
        "rfi[question][body]": "Which?",
        "rfi[rfi_manager_id]": str(manager),
        "rfi[assignee_ids][]": str(manager),
    }
    made = await http.post(rfi_path(sim), data=form)
    broken = await http.post(rfi_path(sim), content=b"{", headers={"Content-Type": "application/json"})
    untyped = await http.post(rfi_path(sim), content=b"{}")
    strange = await http.post(rfi_path(sim), content=b"<a/>", headers={"Content-Type": "application/xml"})

    assert made.json()["subject"] == "By form"
    assert [answer.status_code for answer in (broken, untyped, strange)] == [400, 400, 406]
