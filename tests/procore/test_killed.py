"""R9 with a real process, a real store and a real kill: between Procore's answer to a refresh and our commit."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.simulator.app import Simulator
from tests.procore.dying import ANA, TOKEN_LIFE_S
from tests.procore.signing import Person, copied_code
from tests.stdio_process import ROOT

pytestmark = pytest.mark.anyio


def kill_between_answer_and_commit(data_dir):
    """Run the process up to the moment, and end it as a power cut would."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.procore.dying", str(data_dir)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        said = [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGKILL)
    assert said == ["connected", "refreshed"]
    assert process.returncode == -signal.SIGKILL


def refreshes(simulator):
    bodies = [entry.get("body", {}) for entry in simulator.ledger.since(0) if entry["path"] == "/oauth/token"]
    return sum(body.get("grant_type") == "refresh_token" for body in bodies)


async def test_a_kill_between_refresh_and_commit_ends_in_reconnect_without_a_loop(tmp_path):
    """The old refresh token is spent and the new one lost: one try finds that out, and then nobody asks again."""
    kill_between_answer_and_commit(tmp_path / "data")
    clock = ManualClock(ManualClock().now() + timedelta(seconds=TOKEN_LIFE_S + 10))

    async with House(Settings(data_dir=tmp_path / "data"), clock=clock) as house:
        simulator = await house.services.get(Simulator)
        before = refreshes(simulator)
        person = Person()
        async with Client(build_server(house, View(("all",)), lambda _: ANA), elicitation_callback=person) as client:
            errors = [
                (await client.call_tool("list_procore_projects", {})).structured_content["error"] for _ in range(10)
            ]
            await client.call_tool("connect_procore", {})
            code = await copied_code(simulator, person.links[0])
            done = (await client.call_tool("connect_procore", {"code": code})).structured_content
            projects = await client.call_tool("list_procore_projects", {})

        assert before == 1
        assert {error["code"] for error in errors} == {"AUTH_RECONNECT"}
        assert all(error["next"]["tool"] == "connect_procore" for error in errors)
        assert refreshes(simulator) == before + 1
        assert done["status"] == "connected"
        assert not projects.is_error
