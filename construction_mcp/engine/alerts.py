"""Owners hear about trouble: one mail per workflow and hour, with everything that waits for it.

Who else hears of it, and of which kinds nobody does, is said by configure_workflow_notifications and
configure_global_alerts.

Where no mail can be sent the alert is logged; `get_system_health` shows the latest either way.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.destinations import MAIL_ADDRESS
from construction_mcp.core.errors import ConstructionError, Invalid, Uncertain
from construction_mcp.notify.message import Message, cleaned, one_line
from construction_mcp.notify.notifier import Destination, Notifier
from construction_mcp.store.alert_rules import EVERYTHING, LEVELS, Least, Rule, rules_of
from construction_mcp.store.alerts import BADNESS, Alert, mark_told, untold
from construction_mcp.store.connections import Connections
from construction_mcp.store.database import Database

log = logging.getLogger(__name__)

_WORKSPACE = "workspace"


class Alerts:
    """One per process."""

    def __init__(
        self, database: Database, notifier: Notifier, connections: Connections, settings: Settings, clock: Clock
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._settings = settings
        self._limits = settings.limits
        self._clock = clock
        self._sent: set[tuple[str, str]] = set()  # alert and address, until all who hear of it have been told

    async def run(self) -> None:
        """Tell what there is to tell, for ever."""
        while True:
            try:
                await self.look()
            except ConstructionError as problem:  # the store does not answer; what is untold stays so
                log.warning("alerts could not be told: %s", problem.message)
            await self._clock.sleep(self._limits.alert_look_s)

    async def look(self) -> None:
        """Tell each workflow's owner what waits, unless they were told of it less than `alert_pause_s` ago."""
        since = self._clock.now() - timedelta(seconds=self._limits.alert_pause_s)
        waiting = await self._database.read(lambda tx: untold(tx, since, self._limits.alerts_told_max))
        waiting.sort(key=lambda alert: (alert.workflow_id or "", alert.created_at))
        for _, alerts in groupby(waiting, key=lambda alert: alert.workflow_id):
            await self._tell(list(alerts))

    async def _tell(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            log.warning("alert (%s): %s", alert.kind, alert.text)
        letters = await self._letters(alerts)
        if "email" in self._settings.channels:
            settled = [await self._mailed(address, about) for address, about in letters.items()]
            if not all(settled):
                return
        ids = [alert.id for alert in alerts]
        self._sent -= {(one, address) for one in ids for address in letters}
        await self._database.write(lambda tx: mark_told(tx, ids, self._clock.now()))

    async def _letters(self, alerts: Sequence[Alert]) -> Mapping[str, Sequence[Alert]]:
        """Who hears of which: those the workflow names, else its owner, else the operator; and whoever hears of all."""
        workflow_id = alerts[0].workflow_id
        rules = await self._database.read(lambda tx: rules_of(tx, [workflow_id] if workflow_id else []))
        every, own = rules.get(EVERYTHING, Rule()), rules.get(workflow_id or EVERYTHING, Rule())
        wanted = [one for one in alerts if one.kind not in own.off]
        owner = await self._owner(alerts[0])
        operator = self._settings.alert_to
        fallback = [owner] if owner else list(every.recipients) or ([operator] if operator else [])
        named = list(own.recipients) if workflow_id else []
        letters: dict[str, Sequence[Alert]] = {to: wanted for to in named or fallback if wanted}
        for to in every.recipients:
            bad = [one for one in wanted if LEVELS.index(_badness(one)) >= LEVELS.index(every.least)]
            if bad:
                letters.setdefault(to, bad)
        return letters

    async def _mailed(self, address: str, alerts: Sequence[Alert]) -> bool:
        """Whether it is settled: sent, perhaps sent, or refused for good. Otherwise the next look tries again."""
        new = [one for one in alerts if (one.id, address) not in self._sent]
        if not new:
            return True  # this one was told when another could not be
        message = _message(new, self._limits.alert_lines_max, self._limits.notification_line_chars_max)
        try:
            await self._notifier.send(Destination("email", (address,)), message, principal=_WORKSPACE, template=None)
        except (Invalid, Uncertain) as problem:
            log.warning("an alert mail did not arrive for sure: %s", problem.message)
        except ConstructionError as problem:
            log.warning("an alert could not be mailed yet: %s", problem.message)
            return False
        self._sent |= {(one.id, address) for one in new}
        return True

    async def _owner(self, alert: Alert) -> str | None:
        """The mail address that the owner's connection signs in with."""
        if alert.owner is not None and alert.environment is not None:
            link = await self._connections.of_principal(alert.owner, alert.environment)
            if link is not None and link.login and re.fullmatch(MAIL_ADDRESS, link.login):
                return link.login
        return None


def _badness(alert: Alert) -> Least:
    return BADNESS.get(alert.kind, "error")


def _message(alerts: Sequence[Alert], lines_max: int, chars_max: int) -> Message:
    name = alerts[0].name or "This workspace"
    one = alerts[0].kind.replace("_", " ") if len({alert.kind for alert in alerts}) == 1 else "needs attention"
    lines = [one_line(cleaned(alert.text), chars_max) for alert in alerts[:lines_max]]
    if len(alerts) > lines_max:
        lines.append(f"and {len(alerts) - lines_max} more")
    return Message(one_line(cleaned(f"{name}: {one}"), chars_max), "\n\n".join(lines))
