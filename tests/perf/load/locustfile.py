"""What people do at once, for Locust: one user class per phase. `python -m tests.perf.load.run` starts it.

Imports nothing of ours, so that Locust may live in an environment of its own.
"""

import itertools
import os
import uuid
from typing import Any

from locust import FastHttpUser, constant, task

VERSION = "2026-07-28"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
WORKFLOW = {
    "trigger": {"type": "manual"},
    "actions": [
        {"key": "first", "type": "transform.set", "config": {"value": "{{ 20 + 1 }}"}},
        {"key": "second", "type": "transform.set", "config": {"value": "{{ steps.first.output.value * 2 }}"}},
        {"key": "note", "type": "notify.log", "config": {"text": "It is {{ steps.second.output.value }}."}},
    ],
}
numbers = itertools.count(1)


class Caller(FastHttpUser):
    """Calls tools over Streamable HTTP of 2026-07-28; an error result is a failure."""

    abstract = True
    wait_time = constant(0)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any] | None:
        """The structured content; None for a failure, which is counted."""
        params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
        body = {"jsonrpc": "2.0", "id": next(numbers), "method": "tools/call", "params": params}
        headers = {
            "authorization": f"Bearer {os.environ['LOAD_TOKEN']}",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": VERSION,
            "mcp-method": "tools/call",
            "mcp-name": tool,
        }
        with self.client.post("/mcp", json=body, headers=headers, name=tool, catch_response=True) as answer:
            result = answer.json().get("result") if answer.status_code == 200 else None
            if result is None or result.get("isError"):
                answer.failure(str(result or answer.status_code)[:300])
                return None
            answer.success()
            found: dict[str, Any] = result["structuredContent"]
            return found

    def create(self) -> str | None:
        made = self.call("create_workflow", **WORKFLOW, name=f"Load {uuid.uuid4().hex[:8]}")
        return made and made["workflow"]["id"]

    def deploy(self, workflow_id: str) -> None:
        deployed = self.call("deploy_workflow", workflow_id=workflow_id)
        assert deployed is None or deployed["status"] == "deployed", deployed


class Creating(Caller):
    """Writes workflows."""

    @task
    def write(self) -> None:
        self.create()


class Deploying(Caller):
    """Writes a workflow, deploys it."""

    @task
    def put_to_work(self) -> None:
        workflow_id = self.create()
        if workflow_id:
            self.deploy(workflow_id)


class Executing(Caller):
    """Runs a workflow of its own, again and again, to the end."""

    def on_start(self) -> None:
        self.workflow_id = self.create()
        assert self.workflow_id, "a workflow could not be written"
        self.deploy(self.workflow_id)

    @task
    def run_it(self) -> None:
        ran = self.call("run_workflow", workflow_id=self.workflow_id, wait_s=20.0)
        assert ran is None or ran["execution"]["status"] == "completed", ran


class Sustained(Executing):
    """Mostly runs, now and then looks at what ran or finds a tool."""

    wait_time = constant(0.1)

    @task(3)
    def look(self) -> None:
        self.call("list_executions", limit=10)

    @task(2)
    def find(self) -> None:
        self.call("find_tools", query="overdue rfi")
