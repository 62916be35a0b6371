"""What the demo does and checks. Each claim is told only after it was verified from outside the server."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from construction_mcp.core.ownership import holder_of, take

ANSWER_TIMEOUT_S = 60.0  # a first start on a slow disk compiles and imports everything
KILL_TIMEOUT_S = 10.0

WORKFLOW: dict[str, Any] = {
    "name": "Overdue RFI alert",
    "description": "Every weekday at 9: tell the project engineer which RFIs are overdue and who holds the ball.",
    "trigger": {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"},
    "variables": {"notify_to": {"type": "email", "required": True, "value": "engineer@builder.example"}},
    "actions": [
        {
            "key": "open_rfis",
            "type": "procore.rfi.list",
            "config": {"projects": "all_active", "status": "open", "overdue": True},
        },
        {
            "key": "alert",
            "type": "notify.email",
            "condition": "size(steps.open_rfis.output.items) > 0",
            "config": {
                "to": "{{ vars.notify_to }}",
                "template": "rfi_overdue_alert",
                "data": {"rfis": "{{ steps.open_rfis.output.items }}"},
            },
        },
    ],
}
COUNT: dict[str, Any] = {
    "name": "Count the overdue",
    "trigger": {"type": "manual"},
    "actions": [
        {
            "key": "open_rfis",
            "type": "procore.rfi.list",
            "config": {"projects": "all_active", "status": "open", "overdue": True},
        },
        {"key": "pause", "type": "wait.for", "config": {"duration": "4 seconds"}, "depends_on": ["open_rfis"]},
        {
            "key": "told",
            "type": "notify.log",
            "depends_on": ["pause"],
            "config": {"text": "{{ size(steps.open_rfis.output.items) }} RFIs are overdue"},
        },
    ],
}
WAIT_S = 45.0  # for a run over six projects, whose requests keep Procore's rate
TYPO = "open_rfi"  # one letter short of the step it means


@dataclass(frozen=True, slots=True)
class Check:
    """One claim, whether it held, what was seen, and how long it took."""

    claim: str
    verified: bool
    detail: str
    ms: float

    def public(self) -> dict[str, Any]:
        return {**asdict(self), "ms": round(self.ms, 1)}


class Failed(Exception):
    """A claim did not hold; it was told."""


class Teller:
    """Times each claim, tells it, and stops the story at the first that does not hold."""

    def __init__(self, tell: Callable[[Check], None]) -> None:
        self._tell = tell
        self._since = time.perf_counter()

    def claim(self, claim: str, holds: bool, detail: str = "") -> None:
        """Tell a claim with the time since the one before.

        Raises:
            Failed: it does not hold.
        """
        self._tell(Check(claim, holds, detail, (time.perf_counter() - self._since) * 1000))
        self._since = time.perf_counter()
        if not holds:
            raise Failed(claim)


async def play(workspace: Path, tell: Callable[[Check], None]) -> None:
    """The whole story.

    Raises:
        Failed: a claim did not hold, or the server did not answer; it was told.
    """
    teller = Teller(tell)
    try:
        async with serving(workspace, teller, "The server started over stdio and answered") as client:
            await _look_around(client, teller)
            workflow = await _build(client, teller)
            await _make_mistakes(client, teller, workflow["id"])
            await _explain(client, teller)
            waiting = await _run(client, teller)
            await _kill(workspace, teller)
        async with serving(workspace, teller, "A new server started on the same workspace") as client:
            await find_again(client, teller, workflow)
            await _see_it_end(client, teller, waiting)
    except* (MCPError, OSError, TimeoutError) as problems:
        tell(Check("The server answers every call", verified=False, detail=_why(problems, workspace), ms=0.0))
        raise Failed from None


@asynccontextmanager
async def serving(workspace: Path, teller: Teller, claim: str) -> AsyncIterator[Client]:
    """A server process of our own and a client connected to it, as an AI client would connect."""
    environ = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "construction_mcp", "--data-dir", str(workspace), "--toolsets", "all"],
        env=environ,
    )
    with (workspace / "server.log").open("a", encoding="utf-8") as log:
        async with Client(stdio_client(server, log), read_timeout_seconds=ANSWER_TIMEOUT_S) as client:
            said = client.server_info
            detail = f"{said.title} {said.version}, protocol {client.protocol_version}" if said else ""
            teller.claim(claim, said is not None and said.name == "construction-mcp", detail)
            yield client


async def _look_around(client: Client, teller: Teller) -> None:
    names = [tool.name for tool in (await client.list_tools()).tools]
    teller.claim(f"It lists {len(names)} tools", {"find_tools", "create_workflow"} <= set(names), ", ".join(names))
    words = "add a step to an automation"
    found = [item["name"] for item in (await _call(client, "find_tools", query=words))["items"]]
    teller.claim(f'Asked for "{words}", it finds the right tool', "add_workflow_actions" in found, ", ".join(found))


async def _build(client: Client, teller: Teller) -> dict[str, Any]:
    answer = await _call(client, "create_workflow", **WORKFLOW, idempotency_key="demo-1")
    workflow: dict[str, Any] = answer["workflow"]
    teller.claim(
        f'It wrote the workflow "{workflow["name"]}": one trigger, two actions, no problems found',
        len(workflow["actions"]) == 2 and workflow["trigger"] == WORKFLOW["trigger"] and not answer["problems"],
        f"{workflow['id']}, {workflow['status']}, version {workflow['draft_version']}",
    )
    again = await _call(client, "create_workflow", **WORKFLOW, idempotency_key="demo-1")
    total = (await _call(client, "list_workflows"))["total"]
    teller.claim(
        "The same request sent twice made one workflow, not two",
        again["workflow"]["id"] == workflow["id"] and total == 1,
    )
    return workflow


async def _make_mistakes(client: Client, teller: Teller, workflow_id: str) -> None:
    mistake = await client.call_tool("create_workflow", {"name": "Typo", "triger": {"type": "manual"}})
    error = (mistake.structured_content or {}).get("error", {})
    teller.claim(
        'A misspelt argument ("triger") is refused before anything runs, with the right name',
        mistake.is_error is True
        and error.get("code") == "VALIDATION_UNKNOWN_FIELD"
        and "trigger" in str(error["details"]),
        _told(error),
    )
    gone = await client.call_tool("get_workflow", {"workflow_id": "wf_no_such"})
    error = (gone.structured_content or {}).get("error", {})
    teller.claim(
        "An id that does not exist is explained, with what to do next",
        gone.is_error is True and error.get("code") == "WORKFLOW_NOT_FOUND",
        _told(error),
    )
    names = [item["id"] for item in (await _call(client, "list_workflows"))["items"]]
    teller.claim("The mistakes changed nothing", names == [workflow_id])


async def _explain(client: Client, teller: Teller) -> None:
    """A workflow with a misspelt step: found, explained, mended by the call that was offered, and looked at again."""
    actions = [dict(action) for action in WORKFLOW["actions"]]
    actions[1]["condition"] = actions[1]["condition"].replace("open_rfis", TYPO)
    wrong = await _call(client, "create_workflow", **{**WORKFLOW, "name": "With a typo", "actions": actions})
    found = [f"{one['path']}: {one['message']} {one['fix']}" for one in wrong["problems"]]
    teller.claim(
        f'A misspelt step ("{TYPO}") in a condition is found before anything runs, with its place and the right name',
        [one["path"] for one in wrong["problems"]] == ["actions.alert.condition"] and "open_rfis" in found[0],
        " ".join(found),
    )
    workflow_id = wrong["workflow"]["id"]
    advice = await _call(client, "get_workflow_guidance", goal="finish it", workflow_id=workflow_id)
    step = advice["steps"][0]
    mended = await _call(client, step["tool"], **step["arguments"])
    teller.claim(
        "The call that mends it was offered; sent as it stood, nothing is wrong any more", not mended["problems"]
    )
    looked = await _call(client, "deploy_workflow", workflow_id=workflow_id, dry_run=True)
    codes = {one["code"] for one in looked["problems"] if one["severity"] == "error"}
    teller.claim(
        "A dry run says what it would do, and what is missing here: a mail server",
        looked["status"] == "invalid" and codes == {"NOTIFY_NOT_CONFIGURED"} and len(looked["effects"]) == 2,
        "It could " + "; ".join(looked["effects"]),
    )
    await _call(client, "delete_workflow", workflow_id=workflow_id)


async def _run(client: Client, teller: Teller) -> str:
    """Try a workflow, deploy it, run it; then leave one waiting, whose id is returned."""
    made = (await _call(client, "create_workflow", **COUNT))["workflow"]["id"]
    tried = (await _call(client, "test_workflow", workflow_id=made, wait_s=WAIT_S))["execution"]
    teller.claim("It tried a draft over the sample company", tried["status"] == "completed", _steps(tried))
    deployed = await _call(client, "deploy_workflow", workflow_id=made)
    teller.claim("It deployed the workflow", deployed["status"] == "deployed", "; ".join(deployed["effects"]))
    ran = str((await _call(client, "run_workflow", workflow_id=made, wait_s=0.0))["execution"]["id"])
    with anyio.move_on_after(WAIT_S):
        while True:
            seen = await _call(client, "observe_workflow_execution", execution_id=ran)
            if seen["execution"]["status"] == "waiting":
                break
            await anyio.sleep(0.1)
    teller.claim(
        "A run of it waits, and says for what and until when",
        seen["execution"]["status"] == "waiting" and seen["execution"]["waiting_for"]["what"] == "time",
        f"{ran}: {_steps(seen['execution'])}",
    )
    return ran


async def _see_it_end(client: Client, teller: Teller, execution_id: str) -> None:
    with anyio.move_on_after(WAIT_S):
        while True:
            seen = await _call(client, "observe_workflow_execution", execution_id=execution_id)
            if seen["execution"]["status"] == "completed":
                break
            await anyio.sleep(0.1)
    told = [moment["text"] for moment in seen["timeline"] if "overdue" in moment["text"]]
    teller.claim(
        "The run that waited when its process was killed went on in the new one and ended, each step once",
        seen["execution"]["status"] == "completed" and len(told) == 1,
        f"{_steps(seen['execution'])}; it noted: {' '.join(told)}",
    )


def _steps(execution: dict[str, Any]) -> str:
    return ", ".join(f"{step['key']} {step['status']}" for step in execution["steps"])


async def _kill(workspace: Path, teller: Teller) -> None:
    """End the owner of the workspace without warning, and wait until its lock is free."""
    holder = holder_of(workspace)
    teller.claim("One process owns the workspace", holder is not None and holder.pid != os.getpid(), _who(holder))
    assert holder is not None
    # SIGKILL where there is one; Windows has no gentler end than this anyway.
    os.kill(holder.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    with anyio.move_on_after(KILL_TIMEOUT_S):
        # The kernel frees the lock once the process is gone, and tells nobody when.
        while (lock := take(workspace, kind="command")) is None:  # noqa: ASYNC110 - there is no event to wait for
            await anyio.sleep(0.01)
        lock.release()
        teller.claim(f"Process {holder.pid} was killed without warning (kill -9)", True)
        return
    teller.claim(f"Process {holder.pid} was killed without warning (kill -9)", False, "it still holds the workspace")


async def find_again(client: Client, teller: Teller, workflow: dict[str, Any]) -> None:
    found = (await _call(client, "get_workflow", workflow_id=workflow["id"]))["workflow"]
    teller.claim(
        "The workflow is there, unchanged in every field", found == workflow, f"{found['id']}, {found['name']}"
    )
    health = await _call(client, "get_system_health")
    teller.claim("The server reports itself healthy", health["status"] == "healthy", f"version {health['version']}")


async def _call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool that must succeed.

    Raises:
        MCPError: it answered with an error, or not as its schema promises.
    """
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise MCPError(0, f"{tool} answered with an error: {result.structured_content}")
    answer: dict[str, Any] = result.structured_content
    return answer


def _why(problem: BaseException, workspace: Path) -> str:
    """The innermost failure and the end of the server's log."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    log = workspace / "server.log"
    last_words = log.read_text("utf-8", "replace")[-1000:] if log.exists() else ""
    return f"{type(problem).__name__}: {problem}\n{last_words}".strip()


def _told(error: dict[str, Any]) -> str:
    """An error as a person reads it."""
    next_call = error.get("next", {})
    advice = error.get("details", {}).get("hint") or f"Next: {next_call.get('tool')}, to {next_call.get('why')}"
    return f"{error.get('code')}: {error.get('message')}\n{advice}"


def _who(holder: Any) -> str:
    return f"process {holder.pid}, {holder.kind}" if holder else "nobody"
