"""How long what has ended is kept."""

from datetime import datetime

from construction_mcp.store.columns import time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("retention")


def forget_executions(tx: Tx, before: datetime, failed_before: datetime, most: int) -> int:
    """Drop up to `most` executions that ended before; how many. One that needs review is never dropped."""
    moments = {"before": time_text(before), "failed_before": time_text(failed_before)}
    return tx.run(_sql.forget_executions, most=most, **moments)


def forget_oldest(tx: Tx, kept_max: int, most: int) -> int:
    """Drop up to `most` of the oldest ended ones while there are more than `kept_max`; how many."""
    return tx.run(_sql.forget_oldest, kept_max=kept_max, most=most)


def forget_alerts(tx: Tx, before: datetime) -> int:
    """Drop what was told before; how many."""
    return tx.run(_sql.forget_alerts, before=time_text(before))
