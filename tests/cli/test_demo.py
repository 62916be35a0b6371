"""`demo`: exit code 0 only when every claim was verified."""

import json
import os
import re
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import anyio
import pytest

from construction_mcp.cli.demo import running, story
from construction_mcp.cli.demo.claims import Check, Failed, Teller
from construction_mcp.cli.demo.mailbox import open_mailbox
from construction_mcp.cli.demo.stage import procore, server_on
from tests.tidy.source import ROOT

ENDED = {"ok": True, "workspace": None}


def demo(home: Path, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "construction_mcp", "demo", "--fast", *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "TMPDIR": str(home), **environ},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_demo_verifies_every_claim_and_leaves_nothing(home):
    done = demo(home, "--json")

    answer = json.loads(done.stdout)
    assert done.returncode == 0, [check for check in answer["checks"] if not check["verified"]]
    assert {name: answer[name] for name in ENDED} == ENDED
    assert len(answer["checks"]) >= 18
    assert all(check["verified"] for check in answer["checks"])
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_server_that_does_not_start_fails_the_demo_with_its_last_words(home, tmp_path, monkeypatch):
    broken = tmp_path / "broken" / "construction_mcp"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise SystemExit('no server today')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    monkeypatch.chdir(tmp_path)
    told: list[Check] = []
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    with pytest.raises(Failed):
        anyio.run(story.play, workspace, told.append, 0.0)

    assert [check.verified for check in told] == [False]
    assert "no server today" in told[0].detail


def test_a_claim_that_does_not_hold_is_told_and_ends_the_story():
    told: list[Check] = []
    teller = Teller(told.append)

    with pytest.raises(Failed):
        teller.claim("two is three", holds=False, detail="2 != 3")

    assert [(check.claim, check.verified) for check in told] == [("two is three", False)]


@pytest.mark.anyio
async def test_a_reply_that_was_written_twice_fails_the_demo(tmp_path, monkeypatch):
    """The last claim reads Procore's ledger, so nothing that our server says about itself can make it hold."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    told: list[Check] = []
    async with open_mailbox("nobody@builder.example") as mail, procore(tmp_path, "http://127.0.0.1/back") as world:
        scene = running.Scene(Teller(told.append), world, mail, server_on(tmp_path, 1, world, mail))
        path = f"/rest/v1.0/projects/{world.project}/rfis"
        rfi = (await world.call("GET", path))[0]["id"]
        for _ in range(2):
            await world.call("POST", f"{path}/{rfi}/replies", {"reply": {"body": "Use detail 5."}})

        with pytest.raises(Failed):
            await running.ledger(scene)

    assert [check.verified for check in told] == [False]


@pytest.mark.anyio
async def test_the_mailbox_takes_a_mail_as_a_mail_server_does_and_refuses_whom_it_does_not_know():
    def send(port: int) -> dict[str, tuple[int, bytes]]:
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = "a@builder.example", "b@builder.example", "Pour at 7"
        letter.set_content("first\n.\n..two dots\nlast ü\n")
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            return smtp.send_message(letter, to_addrs=["b@builder.example", "gone@builder.example"])

    async with open_mailbox("gone@builder.example") as mail:
        refused = await anyio.to_thread.run_sync(send, mail.port)

        came = await mail.wait_for("Pour", 5)
    assert refused["gone@builder.example"][0] == 550
    assert came is not None
    assert re.split(r"\r?\n", came.get_content().strip()) == ["first", ".", "..two dots", "last ü"]
