"""Owners hear about trouble: one mail per workflow and hour, with everything that waits for it.

Where no mail can be sent the alert is logged; `get_system_health` shows the latest either way.
"""

import logging
import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.destinations import MAIL_ADDRESS
from construction_mcp.core.errors import ConstructionError, Invalid, Uncertain
from construction_mcp.notify.message import Message, cleaned, one_line
from construction_mcp.notify.notifier import Destination, Notifier
from construction_mcp.store.alerts import Alert, mark_told, untold
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
        address = await self._address(alerts[0])
        if address is not None and "email" in self._settings.channels and not await self._mailed(address, alerts):
            return
        ids = [alert.id for alert in alerts]
        await self._database.write(lambda tx: mark_told(tx, ids, self._clock.now()))

    async def _mailed(self, address: str, alerts: Sequence[Alert]) -> bool:
        """Whether it is settled: sent, perhaps sent, or refused for good. Otherwise the next look tries again."""
        message = _message(alerts, self._limits.alert_lines_max, self._limits.notification_line_chars_max)
        try:
            await self._notifier.send(Destination("email", (address,)), message, principal=_WORKSPACE, template=None)
        except (Invalid, Uncertain) as problem:
            log.warning("an alert mail did not arrive for sure: %s", problem.message)
        except ConstructionError as problem:
            log.warning("an alert could not be mailed yet: %s", problem.message)
            return False
        return True

    async def _address(self, alert: Alert) -> str | None:
        """The mail address that the owner's connection signs in with, else the operator's."""
        if alert.owner is not None and alert.environment is not None:
            link = await self._connections.of_principal(alert.owner, alert.environment)
            if link is not None and link.login and re.fullmatch(MAIL_ADDRESS, link.login):
                return link.login
        return self._settings.alert_to


def _message(alerts: Sequence[Alert], lines_max: int, chars_max: int) -> Message:
    name = alerts[0].name or "This workspace"
    one = alerts[0].kind.replace("_", " ") if len({alert.kind for alert in alerts}) == 1 else "needs attention"
    lines = [one_line(cleaned(alert.text), chars_max) for alert in alerts[:lines_max]]
    if len(alerts) > lines_max:
        lines.append(f"and {len(alerts) - lines_max} more")
    return Message(one_line(cleaned(f"{name}: {one}"), chars_max), "\n\n".join(lines))
