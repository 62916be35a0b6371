"""What deploying warns of and refuses (PRODUCT.md section 4.3): each where it should be, and nowhere else.

A situation is a place and a draft; everything that its dry run says is listed, so a false alarm is a failure too. The
places say that they perform everything (see `office`): in a house without an engine each would end with
ACTION_NOT_PERFORMED besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from construction_mcp.core.types import Role
from construction_mcp.store.users import Users
from tests.deployment.site import EVERY_MORNING, NOTE, RFI_WEBHOOK, Site, sandbox
from tests.flows.office import office_at

pytestmark = pytest.mark.anyio

SERVED: Mapping[str, Any] = {}
STDIO = {"public": False}  # the client's own process: nobody reaches it, and it ends with the client
UNREACHED = {"sandbox": True}  # always on, but Procore itself does not reach this machine
NOT_CONNECTED = {"procore_grant": "authorization_code"}
NO_CHANNELS: Mapping[str, Any] = {"channels": frozenset()}
ALL_CHANNELS = {"channels": frozenset({"email", "slack", "teams"})}

MANUAL = {"type": "manual"}
POLL = {"type": "poll", "resources": ["RFIs"], "every_s": 900}
CUSTOM = {"type": "webhook", "source": "custom"}
OFTEN = {**EVERY_MORNING, "cron": "*/2 * * * *"}
ADDRESS = "https://hooks.example/services/T0/B0/x"

READ = {"key": "open", "type": "procore.rfi.list"}
REPLY = {"key": "reply", "type": "procore.rfi.reply", "config": {"rfi_id": 42, "body": "See detail 4."}}
MAIL = {
    "key": "mail",
    "type": "notify.email",
    "config": {"to": "pm@builder.example", "subject": "Overdue", "body": "Some RFIs are overdue."},
}
SLACK = {"key": "post", "type": "notify.slack", "config": {"text": "Some RFIs are overdue."}}
TEAMS = {"key": "team", "type": "notify.teams", "config": {"text": "Some RFIs are overdue."}}
PUSH = {"key": "push", "type": "notify.webhook", "config": {"url": ADDRESS, "body": {"overdue": 3}}}


def with_address(action: Mapping[str, Any], address: str = ADDRESS) -> dict[str, Any]:
    """The post to a channel of its own."""
    return {**action, "config": {**action["config"], "webhook_url": address}}


def ask(approver: str, **more: Any) -> dict[str, Any]:
    """An approval by somebody."""
    return {"key": "ask", "type": "approval.request", "config": {"approvers": approver, "message": "Send?", **more}}


@dataclass(frozen=True)
class Situation:
    """`expected` are all problems of a dry run, `+` before those that keep it from being deployed."""

    name: str
    expected: tuple[str, ...]
    actions: tuple[Any, ...] = (NOTE,)
    trigger: Mapping[str, Any] = field(default_factory=lambda: MANUAL)
    place: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    project: int | None = 0  # 0: the first there is
    forbidden: str | None = None  # what Procore does not let the account read


SITUATIONS = [
    # who runs it, and whether it is always there
    Situation("served, by hand", ()),
    Situation("served, by the clock", (), trigger=EVERY_MORNING),
    Situation("served, by looking", (), trigger=POLL),
    Situation("served, told by Procore", (), trigger=RFI_WEBHOOK),
    Situation("served, told by others", (), trigger=CUSTOM),
    Situation("stdio, by hand", (), place=STDIO),
    Situation("stdio, by the clock", ("HOST_NOT_ALWAYS_ON",), trigger=EVERY_MORNING, place=STDIO),
    Situation("stdio, by looking", ("HOST_NOT_ALWAYS_ON",), trigger=POLL, place=STDIO),
    # whether anybody reaches it
    Situation("stdio, told by Procore", ("WEBHOOK_NO_PUBLIC_URL",), trigger=RFI_WEBHOOK, place=STDIO),
    Situation("stdio, told by others", ("+WEBHOOK_NO_PUBLIC_URL",), trigger=CUSTOM, place=STDIO),
    Situation("unreached, by the clock", (), trigger=EVERY_MORNING, place=UNREACHED),
    Situation("unreached, told by Procore", ("WEBHOOK_NO_PUBLIC_URL",), trigger=RFI_WEBHOOK, place=UNREACHED),
    Situation("unreached, told by others", ("+WEBHOOK_NO_PUBLIC_URL",), trigger=CUSTOM, place=UNREACHED),
    # what it may send through
    Situation("mail, set up", (), (MAIL,)),
    Situation("mail, not set up", ("+NOTIFY_NOT_CONFIGURED",), (MAIL,), place=NO_CHANNELS),
    Situation("slack, not set up", ("+NOTIFY_NOT_CONFIGURED",), (SLACK,)),
    Situation("teams, not set up", ("+NOTIFY_NOT_CONFIGURED",), (TEAMS,)),
    Situation("all set up", (), (MAIL, SLACK, TEAMS), place=ALL_CHANNELS),
    Situation("none set up", ("+NOTIFY_NOT_CONFIGURED",) * 3, (MAIL, SLACK, TEAMS), place=NO_CHANNELS),
    Situation("slack with an address of its own", (), (with_address(SLACK),), place=NO_CHANNELS),
    Situation("teams with an address of its own", (), (with_address(TEAMS),), place=NO_CHANNELS),
    Situation(
        "slack with an address from a variable",
        (),
        (with_address(SLACK, "{{ vars.channel }}"),),
        place=NO_CHANNELS,
        variables={"channel": {"type": "url", "value": ADDRESS}},
    ),
    Situation("a post to another program", (), (PUSH,), place=NO_CHANNELS),
    Situation("a line in the log", (), (NOTE,), place=NO_CHANNELS),
    # who is to approve
    Situation("an address, mail set up", (), (ask("owner@client.example"), NOTE)),
    Situation(
        "an address, no mail", ("APPROVER_CANNOT_REACH",), (ask("owner@client.example"), NOTE), place=NO_CHANNELS
    ),
    Situation("somebody of the workspace, no mail", (), (ask("Ana Ruiz"), NOTE), place=NO_CHANNELS),
    Situation("somebody nobody knows", ("+APPROVER_UNKNOWN",), (ask("Nobody At All"), NOTE)),
    Situation(
        "handed on to an address, no mail",
        ("APPROVER_CANNOT_REACH",),
        (ask("Ana Ruiz", on_expiry="escalate", escalate_to="owner@client.example"), NOTE),
        place=NO_CHANNELS,
    ),
    # what it takes of Procore's hour
    Situation("reads every morning", (), (READ,), EVERY_MORNING),
    Situation("reads every other minute", ("QUOTA_HEAVY",), (READ,), OFTEN),
    Situation("logs every other minute", (), (NOTE,), OFTEN),
    Situation("reads when somebody says so", (), (READ,)),
    # what Procore says
    Situation("a project of another company", ("+PROJECT_UNKNOWN",), (READ,), project=999_999),
    Situation("an action in an unknown project", ("+PROJECT_UNKNOWN",), ({**READ, "config": {"projects": 999_999}},)),
    Situation("no project where one is needed", ("+PROJECT_MISSING",), (REPLY,), project=None),
    Situation("may not read", ("+PERMISSION_MISSING",), (READ,), forbidden="*/rfis"),
    Situation("may not read what it does not read", (), (READ,), forbidden="*/submittals"),
    Situation("may read, has to write", (), (REPLY,)),
    # nobody to ask
    Situation("not connected, reads", ("FACTS_UNKNOWN",), (READ,), place=NOT_CONNECTED),
    Situation("not connected, in a project", ("FACTS_UNKNOWN",), place=NOT_CONNECTED),
    Situation("not connected, polls", ("FACTS_UNKNOWN",), trigger=POLL, place=NOT_CONNECTED, project=None),
    Situation("not connected, has no use for it", (), place=NOT_CONNECTED, project=None),
    Situation("the project's people are not shown", ("FACTS_UNKNOWN",), (ask("Ana"), NOTE), forbidden="*/users"),
    Situation("Procore is down", ("FACTS_UNKNOWN",), (READ,), forbidden="*/projects"),
    # all at once
    Situation(
        "everything wrong",
        ("+PROJECT_UNKNOWN", "HOST_NOT_ALWAYS_ON", "QUOTA_HEAVY", "APPROVER_CANNOT_REACH", "+NOTIFY_NOT_CONFIGURED"),
        (READ, ask("owner@client.example"), MAIL),
        OFTEN,
        {**STDIO, **NO_CHANNELS},
        project=999_999,
    ),
]


async def prepared(site: Site, situation: Situation) -> None:
    """People of the workspace, and what Procore does not let the account see."""
    await (await site.house.services.get(Users)).add("Ana Ruiz", Role.APPROVER)
    if situation.forbidden:
        site.fault("403", "GET", situation.forbidden, times=10)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)
async def test_each_problem_is_told_where_it_is_and_nowhere_else(tmp_path, clock, situation):
    place = dict(situation.place)
    if place.pop("sandbox", False):
        place |= {**sandbox(clock), "public": True}
    async with office_at(tmp_path, clock, **place) as office:
        await prepared(office.site, situation)
        project = {None: {}, 0: {"project_id": office.site.project}}.get(
            situation.project, {"project_id": situation.project}
        )
        made = await office.call(
            "create_workflow",
            name=situation.name,
            trigger=situation.trigger,
            actions=list(situation.actions),
            variables=dict(situation.variables),
            **project,
        )
        answer = await office.call("deploy_workflow", workflow_id=made["workflow"]["id"], dry_run=True)

        told = [("+" if one["severity"] == "error" else "") + one["code"] for one in answer["problems"]]
        assert told == list(situation.expected)
        assert answer["status"] == ("invalid" if any(one.startswith("+") for one in told) else "validated")
        assert all(one["message"] and one["fix"] for one in answer["problems"])
