"""`demo`: exit code 0 only when every claim was verified."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from construction_mcp.cli.demo import story
from tests.tidy.source import ROOT


def demo(home: Path, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "construction_mcp", "demo", "--fast", *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "TMPDIR": str(home), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_verifies_every_claim_and_leaves_nothing(home):
    done = demo(home, "--json")

    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert answer["ok"] is True
    assert len(answer["checks"]) >= 12
    assert all(check["verified"] for check in answer["checks"])
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_server_that_does_not_start_fails_the_demo_with_its_last_words(home, tmp_path):
    broken = tmp_path / "broken" / "construction_mcp"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise SystemExit('no server today')\n")

    told: list[story.Check] = []
    monkey = pytest.MonkeyPatch()
    monkey.setenv("PYTHONPATH", str(broken.parent))
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with monkey.context() as patch, pytest.raises(story.Failed):
        patch.chdir(tmp_path)
        anyio.run(story.play, workspace, told.append)
    monkey.undo()

    assert [check.verified for check in told] == [False]
    assert "no server today" in told[0].detail


def test_a_workflow_that_came_back_changed_fails_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    told: list[story.Check] = []
    teller = story.Teller(told.append)

    async def play() -> None:
        async with story.serving(tmp_path, teller, "started") as client:
            answer = await client.call_tool("create_workflow", story.WORKFLOW)
            other = {**answer.structured_content["workflow"], "name": "Another"}
            with pytest.raises(story.Failed):
                await story.find_again(client, teller, other)

    anyio.run(play)

    assert [check.verified for check in told] == [True, False]


def test_a_claim_that_does_not_hold_is_told_and_ends_the_story():
    told: list[story.Check] = []
    teller = story.Teller(told.append)

    with pytest.raises(story.Failed):
        teller.claim("two is three", holds=False, detail="2 != 3")

    assert [(check.claim, check.verified) for check in told] == [("two is three", False)]
