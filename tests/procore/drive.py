"""Runs coroutines on a ManualClock: lets everything that can go on do so, then moves to the next moment."""

import asyncio


async def settle(turns=40):
    """Let every task run until it waits for time or for another."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def run_on(clock, *coroutines, moves_max=100_000):
    """The results (or exceptions) of the coroutines, in order; fails when nothing waits for time and some are stuck."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    for _ in range(moves_max):
        await settle()
        if all(task.done() for task in tasks):
            return [task.exception() or task.result() for task in tasks]
        wait = clock.next_wake_s
        assert wait is not None, f"{sum(not task.done() for task in tasks)} of {len(tasks)} callers wait for nothing"
        clock.advance(wait)
    raise AssertionError("the clock was moved too often")
