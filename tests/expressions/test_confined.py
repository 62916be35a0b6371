"""The confined process: what it answers, what it survives, and what it cannot do."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid, Unavailable
from construction_mcp.expressions import process
from construction_mcp.expressions.confined import Confined

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="the child is watched through /proc"),
]

BOMB = "vars.x.filter(a, a in vars.x).size() > 0"
FUEL = {"vars": {"x": list(range(10_000))}}  # 1 s of processor time without a limit
GREEDY = "vars.x.map(a, vars.s + vars.s)"
APPETITE = {"vars": {"x": list(range(5_000)), "s": "y" * 100_000}}  # 1 GB without a limit


@asynccontextmanager
async def confined(**limits):
    room = Confined(Limits(**limits))
    try:
        yield room
    finally:
        await room.aclose()


_OTHERS: set[int] = set()  # children of this process that were there before the test, of other tests


@pytest.fixture(autouse=True)
def _others():
    _OTHERS.clear()
    _OTHERS.update(children())


def children() -> list[int]:
    lists = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return [int(pid) for text in lists for pid in text.split() if int(pid) not in _OTHERS]


@asynccontextmanager
async def stopped_child(room):
    """The child, halted as a machine under load might halt it: what is sent to it waits."""
    await room.run("1", {})
    (pid,) = children()
    os.kill(pid, signal.SIGSTOP)
    yield pid


async def until_all_wait():
    """Let the tasks made so far run until each waits: for its turn, or for the halted child."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_values_come_back_as_they_are():
    async with confined() as room:
        value = await room.run("[vars.x, vars.x.n + 1]", {"vars": {"x": {"n": 2, "text": "a {{ b }} \u2028 é 🏗"}}})

    assert value == [{"n": 2, "text": "a {{ b }} \u2028 é 🏗"}, 3]


async def test_nothing_is_started_before_it_is_needed():
    async with confined():
        assert children() == []


async def test_one_process_serves_all():
    async with confined() as room:
        values = await asyncio.gather(*[room.run("vars.x + 1", {"vars": {"x": n}}) for n in range(50)])

        assert values == list(range(1, 51))
        assert len(children()) == 1
    assert children() == []


async def test_a_bomb_is_stopped_and_its_neighbours_are_answered():
    async with confined() as room:
        bomb, *neighbours = await asyncio.gather(
            room.run(BOMB, FUEL),
            *[room.run("vars.x", {"vars": {"x": n}}) for n in range(20)],
            return_exceptions=True,
        )

    assert bomb.code == "EXECUTION_EXPRESSION_TIMEOUT"
    assert neighbours == list(range(20))


async def test_memory_ends_where_the_limit_says():
    """Time is generous here, so that only the memory limit can be what stops it."""
    async with confined(expression_timeout_s=20.0, expression_memory_bytes_max=128 * 1024 * 1024) as room:
        with pytest.raises(Invalid) as failed:
            await room.run(GREEDY, APPETITE)

        assert failed.value.code == "EXECUTION_EXPRESSION_FAILED"
        assert await room.run("1 + 1", {}) == 2


async def test_a_request_whose_process_is_killed_is_sent_again():
    async with confined() as room, stopped_child(room) as pid:
        answer = asyncio.create_task(room.run("40 + 2", {}))
        await until_all_wait()
        os.kill(pid, signal.SIGKILL)

        assert await answer == 42


async def test_a_cancelled_caller_leaves_no_answer_behind_for_the_next():
    async with confined(expression_timeout_s=60.0) as room, stopped_child(room) as pid:
        left = asyncio.create_task(room.run("'for the one who left'", {}))
        await until_all_wait()
        left.cancel()
        os.kill(pid, signal.SIGCONT)

        assert await room.run("'for the next'", {}) == "for the next"
        assert left.cancelled()


async def test_an_item_that_fails_fails_alone_and_order_is_kept():
    async with confined(expression_batch_max=3) as room:
        outcomes = await room.run_each("10 / item", "item", [1, 2, 0, 5, "a", 10, 1], {"vars": {}})

    assert [getattr(each, "code", each) for each in outcomes] == [
        *[10, 5, "EXECUTION_EXPRESSION_FAILED"],
        *[2, "EXECUTION_EXPRESSION_FAILED", 1, 10],
    ]


async def test_others_get_their_turn_between_the_batches_of_a_list():
    items = [{"n": n, "text": "x" * 1000} for n in range(2000)]
    async with confined() as room:
        each = asyncio.create_task(room.run_each("item.n", "item", items, {}))
        await until_all_wait()
        assert await room.run("1", {}) == 1
        assert not each.done()

        assert await each == list(range(2000))


async def test_a_list_has_one_deadline_for_all_its_items():
    """No item alone takes so long."""
    async with confined(expression_each_timeout_s=0.5, expression_batch_max=1) as room:
        with pytest.raises(Invalid) as failed:
            await room.run_each(BOMB, "item", list(range(500)), {"vars": {"x": list(range(1000))}})

    assert failed.value.code == "EXECUTION_EXPRESSION_TIMEOUT"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"vars": {"x": "y" * 2_000_000}}, "VALIDATION_TOO_LARGE"),
        ({"vars": {"x": [0] * 300_000}}, "VALIDATION_TOO_LARGE"),
        ({"vars": {"x": float("nan")}}, "EXECUTION_EXPRESSION_FAILED"),
        ({"vars": {"x": 10**5000}}, "EXECUTION_EXPRESSION_FAILED"),
        ({"vars": {"x": 10**30}}, "EXECUTION_EXPRESSION_FAILED"),
        ({"vars": {"x": "\ud800"}}, "EXECUTION_EXPRESSION_FAILED"),
    ],
    ids=["long text", "long list", "not a number", "5,000 digits", "31 digits", "lone surrogate"],
)
async def test_values_that_do_not_fit_are_refused(values, code):
    async with confined() as room:
        with pytest.raises(Invalid) as refused:
            await room.run("[vars.x]", values)

    assert refused.value.code == code


async def test_depth_is_refused_however_deep():
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    async with confined() as room:
        with pytest.raises(Invalid) as refused:
            await room.run("vars.x", {"vars": {"x": deep}})

    assert refused.value.code == "VALIDATION_TOO_LARGE"


async def test_a_result_has_a_limit_too():
    async with confined(expression_timeout_s=20.0) as room:
        with pytest.raises(Invalid) as refused:
            await room.run("vars.x.map(a, vars.s)", {"vars": {"x": list(range(50)), "s": "y" * 50_000}})

    assert refused.value.code == "VALIDATION_TOO_LARGE"


async def test_a_flood_is_refused_not_collected():
    async with confined(expressions_waiting_max=2, expression_timeout_s=60.0) as room, stopped_child(room) as pid:
        waiting = [asyncio.create_task(room.run("1", {})) for _ in range(2)]
        await until_all_wait()
        with pytest.raises(Unavailable) as refused:
            await room.run("1", {})
        os.kill(pid, signal.SIGCONT)

        assert refused.value.code == "SYSTEM_BUSY"
        assert await asyncio.gather(*waiting) == [1, 1]


async def test_who_waits_when_the_server_ends_is_told():
    async with confined(expression_timeout_s=60.0) as room, stopped_child(room):
        waiting = [asyncio.create_task(room.run("1", {})) for _ in range(3)]
        await until_all_wait()
        await room.aclose()
        ends = await asyncio.gather(*waiting, return_exceptions=True)

    assert [end.code for end in ends] == ["SYSTEM_SHUTTING_DOWN"] * 3
    assert children() == []


async def test_the_child_has_no_more_than_it_needs(monkeypatch):
    monkeypatch.setenv("PROCORE_CLIENT_SECRET", "canary")
    ours = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(ours, True)
    try:
        async with confined() as room:
            await room.run("1", {})
            (pid,) = children()
            of_child = Path(f"/proc/{pid}")
            limits = dict(line.split("  ", 1) for line in (of_child / "limits").read_text().splitlines())
            status = (of_child / "status").read_text()

            assert b"canary" not in (of_child / "environ").read_bytes()
            assert b"canary" not in (of_child / "cmdline").read_bytes()
            assert os.readlink(of_child / "cwd") == "/"
            assert len(os.listdir(of_child / "fd")) == 5  # three of its own, two pipes
            assert "NoNewPrivs:\t1" in status
            assert limits["Max address space"].split()[:2] == [str(Limits().expression_memory_bytes_max)] * 2
            for none in ("Max file size", "Max core file size", "Max processes"):
                assert limits[none].split()[:2] == ["0", "0"]
    finally:
        os.close(ours)


async def test_an_orphan_ends():
    """The parent is gone without a goodbye: its end of the pipe closes, and the child with it."""
    program = (
        "import asyncio, os, pathlib\n"
        "from construction_mcp.core.config import Limits\n"
        "from construction_mcp.expressions.confined import Confined\n"
        "async def main():\n"
        "    await Confined(Limits()).run('1', {})\n"
        "    print(*[path.read_text() for path in pathlib.Path('/proc/self/task').glob('*/children')], flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=20
    )

    try:
        ended = os.pidfd_open(int(run.stdout))
    except ProcessLookupError:
        return
    assert select.select([ended], [], [], 5.0)[0]
    os.close(ended)


@pytest.mark.parametrize(
    "written",
    [b"\xff\xff\xff\xff", b"\0\0\0\x02{}" * 2, b"\0\0\0\x03{}}", b"\0\0\0\x02[]", b"\0\0\0\x02{}"],
    ids=["endless", "two answers", "not JSON", "no object", "neither value nor error"],
)
async def test_an_answer_that_is_none_fails_the_request_and_nothing_else(monkeypatch, written):
    """A child that was taken over can still only fail."""
    taken_over = f"import sys; out = sys.stdout.buffer; out.write(b'\\0\\0\\0\\x02{{}}'); out.flush(); \
sys.stdin.buffer.read(1); out.write({written!r}); out.flush(); sys.stdin.buffer.read()"
    monkeypatch.setattr(process, "RUN", taken_over)
    async with confined() as room:
        with pytest.raises(Invalid) as failed:
            await room.run("1", {})

    assert failed.value.code == "EXECUTION_EXPRESSION_FAILED"


async def test_a_process_that_does_not_start_is_unavailable(monkeypatch):
    monkeypatch.setattr(process, "RUN", "raise SystemExit(3)")
    async with confined() as room:
        with pytest.raises(Unavailable):
            await room.run("1", {})
