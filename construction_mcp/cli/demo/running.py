"""The second half of the story: workflows that run, are asked about, killed, mended and counted."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, TypeVar

import anyio
from mcp import Client

from construction_mcp.cli.demo import person
from construction_mcp.cli.demo.claims import Teller
from construction_mcp.cli.demo.mailbox import Mailbox
from construction_mcp.cli.demo.stage import Procore, Server, call, deploy

TO = "yuki@builder.example"
APPROVER = "farid@builder.example"
GONE = "left.last.year@builder.example"  # whom the mail server refuses
_GRACE_S = 5.0  # a run that has begun gets to its mail
WAIT_S = 45.0  # for something that has to come within moments, on a slow machine
DRAFT = "Use detail 4 on A-501."
CORRECTED = "Use detail 5 on A-501; detail 4 was superseded."
_TO_SAY = "<an address that takes mail>"  # what a diagnosis leaves open in the call that it names
_SUBJECT = "Anchor bolts clash with rebar at grid B7"


@dataclass
class Scene:
    """What the acts share. `not_seen`: what was left out, and why."""

    teller: Teller
    world: Procore
    mail: Mailbox
    server: Server
    not_seen: list[str] = field(default_factory=list)


async def webhook(scene: Scene, client: Client) -> None:
    """Somebody creates an RFI in Procore; Procore tells us, and a mail goes out."""
    made = await _from_template(scene, client, "new_rfi_notification", notify_to=[TO])
    deployed = await deploy(client, made)
    hooks = [one for one in await scene.world.writes() if one["path"].endswith("/hooks")]
    scene.teller.claim(
        "The template for new RFIs was deployed, and a webhook was registered at Procore",
        len(hooks) == 1,
        "; ".join(deployed["effects"]),
    )
    rfi = await _new_rfi(scene)
    letter = await scene.mail.wait_for(f"New RFI {rfi['number']}", WAIT_S)
    scene.teller.claim(
        "A colleague created an RFI in Procore; moments later this mail was in the inbox",
        letter is not None and _SUBJECT in str(letter["subject"]) and str(letter["to"]) == TO,
        letter_text(letter),
    )
    sent = len(scene.mail.letters)
    event = {"resource_name": "RFIs", "event_type": "create", "resource_id": rfi["id"]}
    since = (await scene.world.ledger())[-1]["n"]
    await scene.world.http.post("/_sim/emit", json={**event, "project_id": scene.world.project, "copies": 3})
    runs = await _until(lambda: _runs(client, made), lambda items: len(items) == 2)
    again = await scene.mail.wait_for("New RFI", WAIT_S, sent)
    scene.teller.claim(
        "Procore told of one event three times over; it ran once",
        len(runs) == 2 and again is not None and len(scene.mail.letters) == sent + 1,
        f"two events, {len(runs)} runs, {sent + 1} mails; {len(await scene.world.writes(since))} writes at Procore",
    )


async def draft(scene: Scene, client: Client) -> str:
    """A reply to an overdue RFI is drafted, and a run of the workflow waits for a person; its id."""
    made = await _from_template(
        scene, client, "rfi_response_draft_with_approval", notify_to=[TO], approvers=[APPROVER], official=True
    )
    deployed = await deploy(client, made)
    listed = await call(client, "list_procore_rfis", project_id=scene.world.project, overdue=True, limit=1)
    rfi = listed["items"][0]
    scene.teller.claim(
        f"It found the RFI that is overdue the longest: {rfi['number']}, {rfi['subject']}",
        bool(rfi["is_overdue"]),
        f"{rfi['days_overdue']} days overdue; the workflow deployed for it could " + "; ".join(deployed["effects"]),
    )
    ran = await call(client, "run_workflow", workflow_id=made, input={"rfi_id": rfi["id"], "reply": DRAFT}, wait_s=0)
    execution_id = str(ran["execution"]["id"])
    seen = await _until(lambda: _execution(client, execution_id), lambda one: one["status"] == "waiting")
    scene.teller.claim(
        "A reply was drafted, and the run waits for a person: it says for whom, since when and until when",
        seen["status"] == "waiting" and APPROVER in str(seen["waiting_for"]["who"]),
        f"{_steps(seen)}; next timer {seen['waiting_for']['next_timer_at']}",
    )
    return execution_id


async def only_a_person(scene: Scene, client: Client, execution_id: str) -> None:
    """The model tries to decide for its person, and cannot."""
    pending = (await call(client, "decide_approval"))["approvals"]
    asked = next(one for one in pending if one["execution_id"] == execution_id)
    tried = await client.call_tool("decide_approval", {"approval_id": asked["id"], "decision": "approve"})
    error = (tried.structured_content or {}).get("error", {})
    guessed = {"approval_id": asked["id"], "decision": "approve", "code": "AAAA-AAAA"}
    wrong = await client.call_tool("decide_approval", guessed)
    scene.teller.claim(
        "The AI client tried to approve it by itself, and then with a guessed code: refused",
        bool(tried.is_error and wrong.is_error) and error.get("code") == "APPROVAL_PERSON_REQUIRED",
        f"{error.get('code')}: {error.get('message')}",
    )


async def on_the_dashboard(scene: Scene) -> None:
    """What a person sees in a browser while the run waits."""
    page = await person.dashboard(scene.server.url, scene.server.token)
    scene.teller.claim(
        "The dashboard in a browser shows it: what runs, what waits for whom, and the question",
        "May this reply be posted" in page and "Procore quota" in page and "Sample data" in page,
        f"{scene.server.url}/dashboard; {page[page.find('Approvals for you') :][:150]}",
    )


async def killed_in_the_middle(scene: Scene) -> None:
    """The person corrects and approves; our server dies while the reply is on its way to Procore."""
    letter = await scene.mail.wait_for("Approval needed", WAIT_S)
    link = person.link_in(_plain(letter)) if letter else None
    assert link is not None, "the mail to the approver has no link"
    page = await person.open_page(link)
    scene.teller.claim(
        f"{APPROVER} got a mail with a link; opening it shows the draft and decides nothing",
        DRAFT in page and await _replies(scene) == [],
        letter_text(letter),
    )
    await scene.world.fault("POST", "*/replies", "lost_response")
    said = await person.approve(link, CORRECTED)
    replies = await _until(lambda: _replies(scene), lambda found: len(found) == 1)
    number = await scene.server.kill()
    scene.teller.claim(
        "They corrected the reply and approved. Procore wrote it down, its answer was lost on the way, and our server "
        f"(process {number}) was killed with kill -9",
        "Approved" in said and len(replies) == 1,
        f"in Procore: {replies[0]['body']['reply']['body']}",
    )
    await scene.server.start()


async def written_once(scene: Scene, client: Client, execution_id: str) -> None:
    """The new process finds out what became of the write, and goes on."""
    seen = await _until(lambda: _execution(client, execution_id), lambda one: one["status"] not in _OPEN)
    replies = await _replies(scene)
    scene.teller.claim(
        "A new process went on where the dead one was: it looked in Procore, found the reply, and did not resend it",
        seen["status"] == "completed" and len(replies) == 1 and replies[0]["body"]["reply"]["body"] == CORRECTED,
        f"{_steps(seen)}; replies in Procore's ledger: {len(replies)}",
    )
    letter = await scene.mail.wait_for("the drafted reply was approved", WAIT_S)
    scene.teller.claim("And told the person whose question it was", letter is not None, letter_text(letter))


async def goes_wrong_and_is_mended(scene: Scene, client: Client) -> None:
    """A workflow fails, says why, and runs after the call that its diagnosis offers."""
    made = await call(
        client,
        "create_workflow",
        name="Tell the superintendent",
        trigger={"type": "manual"},
        actions=[{"key": "tell", "type": "notify.email", "config": _notice(GONE)}],
    )
    workflow_id = str(made["workflow"]["id"])
    await deploy(client, workflow_id)
    failed = (await call(client, "run_workflow", workflow_id=workflow_id, wait_s=WAIT_S))["execution"]
    diagnosis = await call(client, "diagnose_workflow", workflow_id=workflow_id)
    finding = diagnosis["findings"][0]
    scene.teller.claim(
        "A workflow failed, and its diagnosis names the cause with the evidence and what to do",
        failed["status"] == "failed" and finding["code"] == "NOTIFY_REFUSED",
        f"{finding['code']}: {finding['cause']}\n{finding['fix']}\nSeen: " + "; ".join(map(str, finding["evidence"])),
    )
    mend = finding["next"]
    arguments = json.loads(json.dumps(mend["arguments"]).replace(_TO_SAY, TO))
    await call(client, mend["tool"], **arguments)
    await deploy(client, workflow_id)
    mended = (await call(client, "run_workflow", workflow_id=workflow_id, wait_s=WAIT_S))["execution"]
    letter = await scene.mail.wait_for("Pour at 7", WAIT_S)
    scene.teller.claim(
        f"The call that it named ({mend['tool']}) was made, with the address that only a person knows; version 2 ran",
        mended["status"] == "completed" and letter is not None and mended["version"] == 2,
        letter_text(letter),
    )


async def on_schedule(scene: Scene, client: Client, workflow_id: str, ends_by: float) -> None:
    """The workflow of the beginning has run by itself, once the minute came."""
    waits_s = max(_GRACE_S, ends_by - time.monotonic())
    letter = await scene.mail.wait_for("overdue RFI", waits_s)
    if letter is None:
        scene.not_seen.append("The schedule: no mail of its had come when --fast ended; the demo without it waits.")
    else:
        runs = await _until(lambda: _runs(client, workflow_id), lambda items: len(items) > 0)
        scene.teller.claim(
            "Meanwhile the minute came, and the schedule ran by itself",
            (await _execution(client, runs[0]["id"]))["trigger"]["type"] == "schedule",
            letter_text(letter),
        )
    await call(client, "rollback_workflow", workflow_id=workflow_id, action="pause")


async def statistics(scene: Scene, client: Client, execution_id: str) -> None:
    """What ran, counted by our server and by the list of executions."""
    stats = await call(client, "get_workflow_stats", window="24h")
    runs = (await call(client, "list_executions", limit=100))["items"]
    names = {one["id"]: one["name"] for one in (await call(client, "list_workflows"))["items"]}
    ended = {status: sum(one["status"] == status for one in runs) for status in ("completed", "failed")}
    scene.teller.claim(
        f"It counted {ended['completed']} runs that went well and {ended['failed']} that failed",
        all(stats["counts"].get(status, 0) == number for status, number in ended.items()),
        _chart(runs, names),
    )
    observed = await call(client, "observe_workflow_execution", execution_id=execution_id)
    scene.teller.claim(
        "It can tell of the run with the approval and the kill, moment by moment",
        any("approv" in one["text"].lower() for one in observed["timeline"]),
        "\n".join(f"{one['at'][11:19]} {one['text']}" for one in observed["timeline"]),
    )


async def ledger(scene: Scene) -> None:
    """Everything that was changed at Procore from the beginning, by anybody."""
    writes = [f"{one['method']} {one['path']}" for one in await scene.world.writes()]
    ours = [one for one in writes if not one.endswith("/rfis")]  # the colleague's RFI is the other one
    replies = [one for one in ours if one.endswith("/replies")]
    hooks = [one for one in ours if "/hooks" in one]
    scene.teller.claim(
        "Procore's own ledger has these writes and no other: one webhook with what it tells of, and one reply",
        len(replies) == 1 and len(hooks) == len(ours) - 1,
        "\n".join(writes),
    )


T = TypeVar("T")


def _notice(to: str) -> dict[str, Any]:
    return {"to": to, "subject": "Pour at 7", "body": "The pump is booked for 6:30."}


_OPEN = ("queued", "running", "waiting")


async def _from_template(scene: Scene, client: Client, template: str, **variables: Any) -> str:
    made = await call(
        client,
        "create_workflow_from_template",
        template_id=template,
        variables=variables,
        project_id=scene.world.project,
    )
    return str(made["workflow"]["id"])


async def _new_rfi(scene: Scene) -> Any:
    """An RFI that somebody else creates, by another program than ours."""
    path = f"/rest/v1.0/projects/{scene.world.project}/rfis"
    managers = await scene.world.call("GET", f"{path}/potential_rfi_managers")
    people = await scene.world.call("GET", f"{path}/potential_assignees")
    rfi = {
        "subject": _SUBJECT,
        "question": {"body": "Bolts or bars: which one moves?"},
        "rfi_manager_id": managers[0]["id"],
        "assignee_ids": [people[0]["id"]],
        "draft": False,
    }
    return await scene.world.call("POST", path, {"rfi": rfi})


async def _replies(scene: Scene) -> list[dict[str, Any]]:
    return [one for one in await scene.world.writes() if one["path"].endswith("/replies")]


async def _execution(client: Client, execution_id: str) -> Any:
    return (await call(client, "observe_workflow_execution", execution_id=execution_id))["execution"]


async def _runs(client: Client, workflow_id: str) -> Any:
    return (await call(client, "list_executions", workflow_id=workflow_id))["items"]


async def _until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], bool]) -> T:
    """What is seen once it is so, or when the time is up; whoever asked claims what has to be."""
    ends = time.monotonic() + WAIT_S
    while not is_so(seen := await look()) and time.monotonic() < ends:  # noqa: ASYNC110 - other processes have no event for us
        await anyio.sleep(0.1)
    return seen


def letter_text(letter: EmailMessage | None) -> str:
    """A mail as its receiver reads it, the long ones cut."""
    if letter is None:
        return "no such mail came"
    lines = [line for line in _plain(letter).splitlines() if line.strip()]
    more = [f"… {len(lines) - _LINES_SHOWN} more lines"] if len(lines) > _LINES_SHOWN else []
    head = [f"From: {letter['from']}", f"To: {letter['to']}", f"Subject: {letter['subject']}"]
    return "\n".join(f"| {line}" for line in [*head, "", *lines[:_LINES_SHOWN], *more])


_LINES_SHOWN = 8


def _plain(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    return str(part.get_content()) if part else ""


def _steps(execution: dict[str, Any]) -> str:
    return ", ".join(f"{step['key']} {step['status']}" for step in execution["steps"])


def _chart(runs: list[dict[str, Any]], names: dict[str, str]) -> str:
    """A bar per run, oldest first, by how long it took."""
    longest = max((one.get("duration_ms") or 0.0 for one in runs), default=0.0) or 1.0
    bars = []
    for one in reversed(runs):
        took = one.get("duration_ms") or 0.0
        bar = "█" * max(1, round(_CHART_WIDTH * took / longest))
        bars.append(f"{names[one['workflow_id']][:28]:<28} {one['status']:<10} {bar} {took / 1000:.2f} s")
    return "\n".join(bars)


_CHART_WIDTH = 40
