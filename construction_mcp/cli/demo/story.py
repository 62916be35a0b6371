"""What the demo does and checks. Each claim is told only after it was verified from outside our server.

Outside means: the simulator's ledger of every request it got, its records as another program reads them, the mails that
arrived, the pages that a browser was shown.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp import Client

from construction_mcp.cli.demo import person, running
from construction_mcp.cli.demo.claims import Check, Failed, Teller
from construction_mcp.cli.demo.mailbox import open_mailbox
from construction_mcp.cli.demo.running import GONE, TO, Scene
from construction_mcp.cli.demo.stage import call, deploy, free_port, procore, server_on

TYPO = "overdu"  # one letter short of the step it means


async def play(workspace: Path, tell: Callable[[Check], None], ends_by: float) -> tuple[str, ...]:
    """The whole story; what it did not get to see. `ends_by`: until when it waits for a minute to come, monotonic.

    Raises:
        Failed: a claim did not hold, or something did not answer; it was told.
    """
    teller, port = Teller(tell), free_port()
    try:
        async with open_mailbox(GONE) as mail, procore(workspace, f"http://127.0.0.1:{port}/oauth/callback") as world:
            server = server_on(workspace, port, world, mail)
            scene = Scene(teller, world, mail, server)
            try:
                await _play(scene, ends_by)
            finally:
                await server.stop()
            return tuple(scene.not_seen)
    except* Failed:
        raise Failed from None
    except* Exception as problems:  # noqa: BLE001 - whatever it was, the person is told and the exit code says so
        raise teller.failed("Everything answers as it should", _why(problems, workspace)) from None


async def _play(scene: Scene, ends_by: float) -> None:
    teller, server = scene.teller, scene.server
    teller.act("Three processes and a client")
    await server.start()
    async with server.client() as client:
        await _look_around(scene, client)
        teller.act("Connect Procore")
        await _connect(scene, client)
        await _overview(scene, client)
        teller.act("Say it, and see what it will do")
        scheduled = await _from_scratch(scene, client)
        teller.act("Procore tells, and a mail goes out")
        await running.webhook(scene, client)
        teller.act("Draft, approve, and kill the server in the middle")
        waiting = await running.draft(scene, client)
        await running.only_a_person(scene, client, waiting)
        await running.on_the_dashboard(scene)
    await running.killed_in_the_middle(scene)
    async with server.client() as client:
        await running.written_once(scene, client, waiting)
        teller.act("When it goes wrong")
        await running.goes_wrong_and_is_mended(scene, client)
        teller.act("What ran")
        await running.on_schedule(scene, client, scheduled, ends_by)
        await running.statistics(scene, client, waiting)
    await running.ledger(scene)


async def _look_around(scene: Scene, client: Client) -> None:
    names = {tool.name for tool in (await client.list_tools()).tools}
    scene.teller.claim(
        "Our server, a Procore (simulated) and a mail server run; an AI client is connected over HTTP",
        {"create_workflow", "decide_approval"} <= names,
        f"{scene.server.url}/mcp, protocol {client.protocol_version}, {len(names)} tools",
    )
    async with scene.server.client_over_stdio() as desktop:
        theirs = {tool.name for tool in (await desktop.list_tools()).tools}
        scene.teller.claim(
            "A second client, started over stdio as Claude Desktop would, shares the same workspace",
            theirs == names and (await call(desktop, "list_workflows"))["total"] == 0,
            "the process in between is a bridge; one process owns the data",
        )


async def _connect(scene: Scene, client: Client) -> None:
    asked = await call(client, "connect_procore")
    assert asked["status"] == "waiting", asked
    page = await person.sign_in(asked["url"])
    connected = await call(client, "connect_procore")
    signed_in = [one for one in await scene.world.ledger() if one["path"] == "/oauth/token" and one["status"] == 200]
    scene.teller.claim(
        f"A person followed the link, signed in at Procore and came back as {connected.get('user')}",
        connected["status"] == "connected" and "Connected" in page and len(signed_in) == 1,
        f"{connected.get('login')}, {connected.get('company', {}).get('name')}; one code exchanged for one token",
    )


async def _overview(scene: Scene, client: Client) -> None:
    seen = await call(client, "get_procore_project_overview", project_id=scene.world.project)
    counts = seen["items"][0]["rfis"]
    records = await scene.world.call("GET", f"/rest/v1.0/projects/{scene.world.project}/rfis", per_page=100)
    still_open = [one for one in records if one["status"] == "open"]
    scene.teller.claim(
        f"One call tells how the project stands: {counts['open']} RFIs open, {counts['overdue']} of them overdue",
        counts["open"] == len(still_open),
        f"another program that reads Procore counts {len(still_open)} open RFIs too",
    )


def _overdue_alert() -> dict[str, Any]:
    return {
        "name": "Overdue RFIs, every minute",
        "trigger": {"type": "schedule", "cron": "* * * * *", "timezone": "America/Chicago"},
        "variables": {"notify_to": {"type": "email", "required": True, "value": TO}},
        "actions": [
            {
                "key": "overdue",
                "type": "procore.rfi.list",
                "config": {"status": "open", "overdue": True},
            },
            {
                "key": "alert",
                "type": "notify.email",
                "condition": f"size(steps.{TYPO}.output.items) > 0",
                "config": {
                    "to": "{{ vars.notify_to }}",
                    "template": "rfi_overdue_alert",
                    "data": {"rfis": "{{ steps.overdue.output.items }}"},
                },
            },
        ],
    }


async def _from_scratch(scene: Scene, client: Client) -> str:
    """A workflow with a misspelt step: found, explained, mended by the call that was offered, deployed."""
    made = await call(client, "create_workflow", **_overdue_alert(), project_id=scene.world.project)
    problems = [f"{one['path']}: {one['message']} {one['fix']}" for one in made["problems"]]
    scene.teller.claim(
        f'A workflow was written with a slip in it ("{TYPO}"); it was found before anything ran, with the right name',
        [one["path"] for one in made["problems"]] == ["actions.alert.condition"] and "overdue" in problems[0],
        " ".join(problems),
    )
    workflow_id = str(made["workflow"]["id"])
    advice = await call(client, "get_workflow_guidance", goal="finish it", workflow_id=workflow_id)
    step = advice["steps"][0]
    await call(client, step["tool"], **step["arguments"])
    looked = await call(client, "deploy_workflow", workflow_id=workflow_id, dry_run=True)
    scene.teller.claim(
        f"The call that mends it ({step['tool']}) was offered and taken as it stood; a dry run says what it could do",
        looked["status"] == "validated" and len(looked["effects"]) == 2,
        "It could " + "; ".join(looked["effects"]),
    )
    deployed = await deploy(client, workflow_id)
    scene.teller.claim(
        "It was deployed: from now on it runs by itself, every minute in this demo",
        deployed["next_run_at"] is not None,
        f"version {deployed['version']}, next at {deployed['next_run_at']}",
    )
    return workflow_id


def _why(problem: BaseException, workspace: Path) -> str:
    """The innermost failure and the ends of the logs."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    logs = (workspace / name for name in ("procore.log", "server.log"))
    last_words = [log.read_text("utf-8", "replace")[-1000:] for log in logs if log.exists()]
    return "\n".join([f"{type(problem).__name__}: {problem}", *last_words]).strip()
