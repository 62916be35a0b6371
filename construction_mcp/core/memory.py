"""What the garbage collector need not look at."""

import gc


def settle() -> None:
    """Leave out of every later collection what is loaded by now: code, schemas, plans.

    It is never garbage, and to walk it stops the event loop (the stall in `tests/perf/bench_engine.py`). For a process
    that is about to begin its work.
    """
    gc.collect()
    gc.freeze()
