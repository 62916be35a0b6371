"""The life of a stdio process: own the data directory or reach its owner, serve the client, and go round again.

Taking over from an owner that died and handing over to one that asks are the same turn of this loop: the session stays,
its server changes, and the new one is told what the last one knew.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable

from construction_mcp.core.errors import ConstructionError, Unavailable
from construction_mcp.core.launch import Launch
from construction_mcp.core.ownership import RETRY_S, Holder, Ownership, holder_of, take
from construction_mcp.front.answers import load_answers
from construction_mcp.front.bounds import DOOR_PATIENCE_S, DRAIN_S, HANDOVER_PATIENCE_S
from construction_mcp.front.bridge import bridge, reach_owner
from construction_mcp.front.refusal import refuse
from construction_mcp.front.session import Outcome, Session
from construction_mcp.front.static import StaticFront

Own = Callable[[Session, Launch, Ownership], Outcome]
"""Serve the session as the owner; the only step that imports anything heavy."""

_EAGER_SWITCH_S = 0.0005  # while importing, the reading thread must not wait 5 ms for the interpreter


def run(launch: Launch, own: Own | None = None) -> int:
    """Serve one client on stdin and stdout until it leaves; the exit code."""
    session = Session.claim()
    for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", None)):
        if number is not None:
            signal.signal(number, lambda *_: session.end())
    try:
        if launch.server_url:
            return _remote(session, launch)
        _serve(session, launch, own or own_house)
    except ConstructionError as problem:
        print(f"construction-mcp: {problem.message} {problem.hint or ''}".rstrip(), file=sys.stderr)  # noqa: T201 - stderr
        refuse(session, problem)
        return 1
    finally:
        session.close(1.0)
    return 0


def _serve(session: Session, launch: Launch, own: Own) -> None:
    outcome = None
    while outcome is not Outcome.ENDED:
        outcome = _turn(session, launch, own, outcome)


def _turn(session: Session, launch: Launch, own: Own, previous: Outcome | None) -> Outcome:
    """Own the directory or be bridged to its owner, whichever becomes possible first, until that ends.

    Raises:
        ConstructionError: the owner refuses us, or neither became possible in time.
    """
    started = time.monotonic()
    # Whoever asked for the directory needs a moment to take the lock; it is not ours to grab back.
    own_after = started + HANDOVER_PATIENCE_S if previous is Outcome.HANDOVER else started
    while True:
        ownership = take(launch.data_dir) if time.monotonic() >= own_after else None
        if ownership is not None:
            if previous is None:
                _answer_early(session, launch)
            return own(session, launch, ownership)
        holder = holder_of(launch.data_dir)
        reached = reach_owner(holder, launch) if holder is not None and holder.address else None
        if reached is not None:
            return bridge(session, *reached)
        session.listen()
        if session.has_ended and session.has_nothing_waiting:
            return Outcome.ENDED
        if time.monotonic() - started > (DRAIN_S if session.has_ended else DOOR_PATIENCE_S):
            raise _unreachable(holder)
        time.sleep(RETRY_S)


def _answer_early(session: Session, launch: Launch) -> None:
    answers = load_answers(launch)
    if answers is not None:
        session.answer_early(StaticFront(answers, session.conversation), on_end=_leave)


def _unreachable(holder: Holder | None) -> ConstructionError:
    who = f"Process {holder.pid} ({holder.kind})" if holder else "Another process"
    return Unavailable(
        f"{who} owns the data directory and lets nobody in.",
        code="SYSTEM_DIRECTORY_OWNED",
        hint="Stop it, or use another --data-dir.",
    )


def own_house(session: Session, launch: Launch, ownership: Ownership) -> Outcome:
    """Import the SDK and the house behind it, and serve."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_EAGER_SWITCH_S)
    gc.disable()  # what imports make stays; looking through it again and again costs a tenth of the start
    import asyncio

    from construction_mcp.server.stdio import serve_stdio

    def calm_down() -> None:
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(usual)

    return asyncio.run(serve_stdio(session, launch, ownership, when_imported=calm_down))


def _remote(session: Session, launch: Launch) -> int:
    import asyncio

    from construction_mcp.server.remote import serve_remote

    asyncio.run(serve_remote(session, launch))
    return 0


def _leave() -> None:
    """The client left before anything was opened, and every frame it sent is answered: do not finish importing."""
    os._exit(0)
