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

from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.launch import Launch
from construction_mcp.core.ownership import RETRY_S, Ownership, holder_of, take
from construction_mcp.front.answers import load_answers
from construction_mcp.front.bounds import DRAIN_S, HANDOVER_PATIENCE_S
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
    outcome, is_first, leave_lock_until = Outcome.OWNER_GONE, True, 0.0
    give_up_at = None
    while outcome is not Outcome.ENDED:
        ownership = take(launch.data_dir) if time.monotonic() >= leave_lock_until else None
        if ownership is not None:
            outcome = _own(session, launch, own, ownership, is_first=is_first)
        else:
            holder = holder_of(launch.data_dir)
            reached = reach_owner(holder, launch) if holder is not None and holder.address else None
            if reached is None:
                session.listen()
                if session.has_ended:
                    give_up_at = give_up_at or time.monotonic() + DRAIN_S
                    if session.has_nothing_waiting or time.monotonic() > give_up_at:
                        return
                time.sleep(RETRY_S)
                continue
            outcome = bridge(session, *reached)
        is_first = False
        leave_lock_until = time.monotonic() + HANDOVER_PATIENCE_S if outcome is Outcome.HANDOVER else 0.0


def _own(session: Session, launch: Launch, own: Own, ownership: Ownership, *, is_first: bool) -> Outcome:
    if is_first:
        answers = load_answers(launch)
        if answers is not None:
            session.answer_early(StaticFront(answers, session.conversation), on_end=_leave)
    return own(session, launch, ownership)


def own_house(session: Session, launch: Launch, ownership: Ownership) -> Outcome:
    """Import the SDK and the house behind it, and serve."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_EAGER_SWITCH_S)
    gc.disable()  # what imports make stays; looking through it again and again costs a tenth of the start
    import asyncio

    from construction_mcp.server.stdio import serve_stdio

    gc.freeze()
    gc.enable()
    sys.setswitchinterval(usual)
    session.stay()
    return asyncio.run(serve_stdio(session, launch, ownership))


def _remote(session: Session, launch: Launch) -> int:
    import asyncio

    from construction_mcp.server.remote import serve_remote

    asyncio.run(serve_remote(session, launch))
    return 0


def _leave() -> None:
    """The client left before anything was opened, and every frame it sent is answered: do not finish importing."""
    os._exit(0)
