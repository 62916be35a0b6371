"""Killed at any commit and any request to Procore, a template still tells and changes exactly what it promises.

Source: security.md R2. A mail whose process died before it heard the server's last word stops in needs_review; a person
looks into the mailbox, says what they found, and it goes on. `pytest -m slow tests/faults` tries every boundary of
every template.
"""

import asyncio
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.store.executions import steps_of
from tests.faults.crashing_templates import Begun, begin, carry_out, die, stage_of
from tests.faults.standing import broken, stuck
from tests.flows.test_templates_run import APPROVER, PLAYS, Stage, _status
from tests.notify.sinks import MailSink, mail_sink

pytestmark = pytest.mark.anyio

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.crashing_templates"])
TEMPLATES = tuple(sorted(PLAYS))
LATER = timedelta(minutes=2)


@pytest.mark.parametrize(
    ("template", "is_whole"),
    [
        ("rfi_response_draft_with_approval", False),
        *(pytest.param(one, True, marks=pytest.mark.slow) for one in TEMPLATES),
    ],
)
async def test_a_template_that_is_killed_tells_and_changes_what_it_promises_and_no_more(
    tmp_path: Path, template: str, is_whole: bool
):
    async with mail_sink() as mail:
        original = await begin(tmp_path / "original", template, mail.port)
        names = await carry_out(_copy(original, tmp_path / "whole"), original.at, 0)
        tried = range(1, len(names) + 1) if is_whole else _worst(names)
        reviewed = [await _verify(_copy(original, tmp_path / f"at{at}"), at, mail) for at in tried]

    print(f"{template}: {len(tried)} of {len(names)} boundaries, {sum(reviewed)} of them needed a person")
    assert len(names) >= 10


def _worst(names: Sequence[str]) -> list[int]:
    """Begun and nothing sent; written and not recorded; told and not recorded, counted from 1 as `kill_at` is."""
    written = max(at for at, name in enumerate(names, 1) if name == "POST")
    return [4, written, len(names) - 1]


def _copy(begun: Begun, folder: Path) -> Begun:
    shutil.copytree(begun.folder, folder)
    return replace(begun, folder=folder)


async def _verify(begun: Begun, kill_at: int, mail: MailSink) -> bool:
    """One crash and what follows; whether a person was needed."""
    mail.letters.clear()
    child = _FORKS.Process(target=die, args=(begun, kill_at))
    child.start()
    await asyncio.to_thread(child.join, 60)
    where, play = f"boundary {kill_at}", PLAYS[begun.template]
    database = begun.folder / "data" / "construction.db"
    assert stuck(database, None, begun.at) == [], where
    await carry_out(begun, begun.at + LATER, 0)
    asked = await _looked_into(begun, mail)

    async with stage_of(begun.folder, begun.at + LATER, begun.mail_port) as stage:
        stage.before = begun.before
        status, writes, wanted = await _status(stage, begun.execution_id), stage.writes(), play.writes(stage)
        steps = await stage.steps(begun.execution_id)
    assert status == "completed", (where, {key: (one.status, one.error) for key, one in steps.items()})
    assert writes == wanted, where
    assert sorted(_letters(mail)) == sorted(play.letters), where
    assert broken(database) == [], where
    return asked


async def _looked_into(begun: Begun, mail: MailSink) -> bool:
    """A person ends what needs review, by what the mailbox holds; whether there was any."""
    is_asked = False
    for _ in PLAYS[begun.template].letters:
        async with stage_of(begun.folder, begun.at + LATER, begun.mail_port) as stage:
            if await _status(stage, begun.execution_id) != "needs_review":
                return is_asked
            is_asked = True
            await _say_what_is_there(stage, begun, mail)
        await carry_out(begun, begun.at + 2 * LATER, 0)
    return is_asked


async def _say_what_is_there(stage: Stage, begun: Begun, mail: MailSink) -> None:
    """One by one: the mailbox holds a letter of its words that no step is known to have sent, or none."""
    rows = await stage.database.read(lambda tx: steps_of(tx, begun.execution_id))
    known = {one.output["message_id"] for one in rows if one.status == "completed" and "message_id" in one.output}
    odd = [str(letter["subject"]) for _, letter in mail.letters if str(letter["message-id"]) not in known]
    unknown = [one for one in rows if one.status == "uncertain"]
    fanned = {one.key for one in unknown if one.item >= 0}
    for row in [one for one in unknown if one.item >= 0 or one.key not in fanned]:
        assert row.error is not None, row
        subject = row.error["details"]["shown"]["subject"]
        has_arrived = subject in odd
        if has_arrived:
            odd.remove(subject)
        said: Any = "done" if has_arrived else "not_done"
        await stage.engine.resolve(begun.execution_id, row.name, said, "user:ana", "the mailbox")


def _letters(mail: MailSink) -> Sequence[tuple[str, str]]:
    told = [(str(letter["to"]), str(letter["subject"])) for _, letter in mail.letters]
    return [one for one in told if one[0] != APPROVER]
