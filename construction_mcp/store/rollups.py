"""Roll-ups: how many executions and steps ended how, per hour and per day, for `statistics` to add up.

That an execution ended is noted by the schema, in the transaction in which it ends. Here those noted are added to the
roll-ups, a batch in one transaction: sixty ends touch hardly more of the file than one does. What is noted but not
added yet is read by `statistics` from the rows, so that its numbers are never behind.
"""

from datetime import datetime

from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("rollups")

BATCH = 128  # ends: more would keep writers waiting, and those that wait are read one by one by whoever asks
HOUR_S, DAY_S = 3_600, 86_400


def add_when_many(tx: Tx) -> None:
    """Add what ended to the roll-ups, once a batch of it waits; called with each end."""
    last = tx.value(_sql.last_waiting)
    if last is not None and last >= BATCH:
        add_batch(tx)


def add_batch(tx: Tx, most: int = BATCH) -> int:
    """Add up to `most` of what waits to the roll-ups; how many. Executions must not be dropped before this gives 0."""
    last = tx.value(_sql.reach, most=most)
    if last is None:
        return 0
    tx.run(_sql.name_series, last=last)
    tx.run(_sql.add, last=last)
    return tx.run(_sql.clear, last=last)


def forget_rollups(tx: Tx, hours_before: datetime, days_before: datetime, most: int) -> int:
    """Drop up to `most` rows of hours and days that lie before; how many."""
    befores = {"hours_before_s": int(hours_before.timestamp()), "days_before_s": int(days_before.timestamp())}
    return tx.run(_sql.forget, most=most, **befores)
