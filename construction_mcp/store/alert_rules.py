"""Who hears of trouble, where somebody said so: of one workflow, or of everything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from construction_mcp.store.columns import json_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("alert_rules")

EVERYTHING = ""
Least = Literal["warning", "error", "critical"]
LEVELS: Sequence[Least] = ("warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class Rule:
    """recipients: mail addresses; nobody means whoever hears of it anyway. off: kinds that are not told.

    least: of everything, how bad it has to be for the recipients to hear of it besides the owner.
    """

    recipients: Sequence[str] = ()
    off: Sequence[str] = ()
    least: Least = "error"


def rules_of(tx: Tx, workflow_ids: Sequence[str]) -> Mapping[str, Rule]:
    """The rules of these, and of everything, where there are any; by workflow."""
    rows = tx.all(_sql.of, workflows=json_text([EVERYTHING, *workflow_ids]))
    return {row["workflow_id"]: _rule(row) for row in rows}


def put_rule(tx: Tx, workflow_id: str, rule: Rule) -> None:
    """From now on this counts."""
    columns = {"recipients": json_text(list(rule.recipients)), "off": json_text(list(rule.off)), "least": rule.least}
    tx.run(_sql.put, workflow_id=workflow_id, **columns)


def _rule(row: Any) -> Rule:
    return Rule(json.loads(row["recipients"]), json.loads(row["off"]), row["least"])
