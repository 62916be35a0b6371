"""How long from posting a delivery until the first step's body runs: `python -m tests.perf.bench_event --json`.

Budget (PRODUCT.md section 9): p95 of 20 ms. A real `serve` process, a workflow behind a signed webhook, one delivery
after another; the step says when it ran in its own timestamp, and both clocks are this machine's.
"""

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from mcp import Client

from construction_mcp.notify.signing import sign
from tests.server.serving import serving

WORKFLOW = {
    "name": "Note what came",
    "trigger": {"type": "webhook", "source": "custom"},
    "actions": [{"key": "note", "type": "notify.log", "config": {"text": "Number {{ trigger.body.number }} came."}}],
}
ENDED_WITHIN_S = 30.0
ENVIRON = {"CONSTRUCTION_MCP_PUBLIC_URL": "https://construction.example"}
WARMING = 5


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.structured_content
    assert result.structured_content is not None
    return result.structured_content


async def deliver(http: httpx.AsyncClient, path: str, secret: str, number: int) -> tuple[float, str]:
    """When it was sent, as Unix seconds, and the execution that it started."""
    body = json.dumps({"number": number}).encode()
    now = time.time()
    message_id, timestamp = f"msg_{number}", str(int(now))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = sign(key, message_id, timestamp, body)
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    sent_at = time.time()
    answer = await http.post(path, content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert "execution_id" in answer.json(), answer.text  # paused after failures, it would be kept only
    return sent_at, answer.json()["execution_id"]


async def first_step(client: Client, execution_id: str) -> float:
    """When its first step began, as Unix seconds."""
    async with asyncio.timeout(ENDED_WITHIN_S):
        while True:
            seen = await call(client, "observe_workflow_execution", execution_id=execution_id)
            steps = seen["execution"]["steps"]
            if steps and steps[0].get("started_at"):
                return datetime.fromisoformat(steps[0]["started_at"]).timestamp()
            await asyncio.sleep(0.01)


async def measure(folder: Path, events: int) -> dict[str, Any]:
    async with serving(folder, environ=ENVIRON) as served, served.client() as client, served.http() as http:
        made = (await call(client, "create_workflow", **WORKFLOW))["workflow"]["id"]
        deployed = await call(client, "deploy_workflow", workflow_id=made)
        assert deployed["status"] == "deployed", deployed
        path = "/webhooks/" + deployed["webhook_url"].rpartition("/")[2]
        took = []
        for number in range(events + WARMING):
            sent_at, execution_id = await deliver(http, path, deployed["webhook_secret"], number)
            took.append((await first_step(client, execution_id) - sent_at) * 1000)
    took = sorted(took[WARMING:])
    return {"events": events, "p50_ms": round(took[events // 2], 2), "p95_ms": round(took[int(events * 0.95)], 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line")
    parser.add_argument("--events", type=int, default=300, help="deliveries, one after another")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), args.events))
    print(json.dumps(found, indent=None if args.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
