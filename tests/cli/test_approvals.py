"""`construction-mcp approvals`, as the person at the machine types it."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.cli import main
from construction_mcp.core.config import Settings
from construction_mcp.engine.approvals import TERMINAL, Approvals
from construction_mcp.store.approvals import Approval, NewApproval, digest_of

SHOWN: dict[str, Any] = {"answer": "Use type A", "copies": 2}


def asked(folder: Path, requested_by: str = "user:bob") -> tuple[Approval, str]:
    """A pending approval and its terminal code."""

    async def ask() -> tuple[Approval, str]:
        async with House(Settings(folder)) as house:
            approvals = await house.services.get(Approvals)
            digest, until = digest_of("Answer RFI 42", SHOWN), house.clock.now() + timedelta(days=1)
            new = NewApproval(None, "reply", "Answer RFI 42", SHOWN, digest, requested_by, (), until, call="c")
            new = replace(new, editable=("answer", "copies"))
            approval = await approvals.request(new)
            return approval, approvals.code(approval, TERMINAL)

    return asyncio.run(ask())


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Exit code, and the JSON on stdout where it was 0."""

    def run(*words: str) -> tuple[int, Any]:
        code = main(["approvals", *words, "--json", "--data-dir", str(tmp_path)])
        out = capsys.readouterr().out
        return code, json.loads(out) if code == 0 else None

    return run


def test_what_is_pending_is_listed_shown_with_its_code_and_decided_with_edits(tmp_path, command):
    approval, code = asked(tmp_path)
    _, listed = command()
    _, shown = command("show", approval.id)
    _, done = command("approve", approval.id, "--edit", "answer=Use type B", "--edit", "copies=3", "--comment", "ok")
    again, _ = command("reject", approval.id)
    _, after = command("list")
    _, everything = command("list", "--all")

    assert [one["id"] for one in listed["approvals"]] == [approval.id]
    assert shown["code"] == code
    assert code not in json.dumps(listed)
    assert done["approval"]["status"] == "approved"
    assert done["approval"]["decided_how"] == "terminal"
    assert done["approval"]["edits"] == {"answer": "Use type B", "copies": 3}
    assert again == 1
    assert after["approvals"] == []
    assert [one["comment"] for one in everything["approvals"]] == ["ok"]


@pytest.mark.parametrize(
    "words",
    [["approve"], ["approve", "apr_none"], ["approve", "ID", "--edit", "x"], ["approve", "ID", "--edit", "x=1"]],
)
def test_what_cannot_be_done_exits_1_and_decides_nothing(tmp_path, command, words):
    approval, _ = asked(tmp_path)
    code, _ = command(*[approval.id if word == "ID" else word for word in words])
    _, shown = command("show", approval.id)

    assert code == 1
    assert shown["approval"]["status"] == "pending"
