"""What the compiler has to be told: about this process, the workspace, and Procore as the workflow's account sees it.

What cannot be asked stays None, which means that nobody knows, and becomes the warning FACTS_UNKNOWN with what to do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from construction_mcp.actions import mail
from construction_mcp.actions.action import Need
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.reach import Reach
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.limiter import Limiters
from construction_mcp.procore.records.companies import Projects, projects_of
from construction_mcp.procore.records.people import People, people_of
from construction_mcp.procore.records.reach import TOOLS, why_unreadable
from construction_mcp.procore.together import together
from construction_mcp.store.users import Users
from construction_mcp.store.versions import Versions
from construction_mcp.store.workflows import Workflow
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.facts import Facts, Host
from construction_mcp.workflow.problems import Problem, warning

_APPROVALS = "approval."
_JUDGED = ("procore.", _APPROVALS)  # the actions whose projects, permissions or people Procore knows


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts, why some are missing, and the account they were seen through (None: there is none to use now)."""

    facts: Facts
    problems: tuple[Problem, ...]
    procore: Procore | None


class FactFinder:
    """Asks no more than the definition in hand needs; what Procore answers is kept as any read is."""

    def __init__(
        self,
        accounts: Accounts,
        versions: Versions,
        users: Users,
        limiters: Limiters,
        reach: Reach,
        settings: Settings,
        *,
        performs: frozenset[str] | None,
        channels: frozenset[str],
    ) -> None:
        self._accounts = accounts
        self._versions = versions
        self._users = users
        self._limiters = limiters
        self._reach = reach
        self._settings = settings
        self._performs = performs
        self._channels = channels

    def known(self) -> Facts:
        """What is known without asking anybody."""
        return Facts(self._settings.environment, self._settings.company_id, host=self._host())

    async def gather(self, workflow: Workflow, definition: Definition) -> Gathered:
        """Everything but permissions, which depend on what the plan needs."""
        others = await self._versions.others(workflow.id)
        facts = replace(self.known(), workflows=others.names, others_per_hour=others.requests_per_hour)
        try:
            procore = await self.account(workflow)
            projects = await projects_of(procore)
        except ConstructionError as error:
            quota = self._settings.limits.hourly_requests
            unchecked = (_unknown(error, "Procore"),) if _is_about_procore(definition) else ()
            return Gathered(replace(facts, hourly_quota=quota), unchecked, None)
        facts = replace(
            facts,
            company_id=procore.connection.company_id,
            projects=_named(projects),
            active_projects=_active(projects),
            hourly_quota=self._limiters.of(procore.connection.app.client_id).ledger.hourly.limit,
        )
        if not any(action.type.startswith(_APPROVALS) for action in definition.actions or ()):
            return Gathered(facts, (), procore)
        return await self._with_people(Gathered(facts, (), procore), procore, definition)

    async def permitted(self, gathered: Gathered, needs: Sequence[Need]) -> Gathered:
        """With the permissions that the needs are about, as far as Procore tells.

        There is no asking whether something may be written, so a tool that may be read and has to be written to stays
        unknown; one that may not even be read is `none`.
        """
        procore = gathered.procore
        if procore is None:
            return gathered
        wanted: dict[tuple[str, int], bool] = {}
        for need in needs:
            if need.tool in TOOLS and need.project_id is not None:
                key = (need.tool, need.project_id)
                wanted[key] = wanted.get(key, True) and need.level == "read_only"
        known = gathered.facts.projects
        asked = [key for key in wanted if known is None or key[1] in known][: self._settings.limits.deploy_reads_max]
        kept_s = self._settings.limits.record_cache_s
        try:
            refusals = await together(
                *(why_unreadable(procore, tool, project_id, ttl_s=kept_s) for tool, project_id in asked)
            )
        except ConstructionError as error:
            return replace(gathered, problems=(*gathered.problems, _unknown(error, "the permissions in Procore")))
        permissions: dict[tuple[str, int | None], str] = {}
        for key, refusal in zip(asked, refusals, strict=True):
            if refusal is not None or wanted[key]:
                permissions[key] = "none" if refusal is not None else "read_only"
        return replace(gathered, facts=replace(gathered.facts, permissions=permissions))

    async def account(self, workflow: Workflow) -> Procore:
        """Procore as the workflow runs.

        Raises:
            NeedsLogin, Invalid: as `Accounts.of`.
        """
        return await self._accounts.of(Principal(workflow.run_as or workflow.created_by, Role.BUILDER))

    def _host(self) -> Host:
        return Host(
            always_on=self._settings.serve_url is not None,
            public=self._reach.is_public,
            channels=self._channels,
            performs=self._performs,
        )

    async def _with_people(self, gathered: Gathered, procore: Procore, definition: Definition) -> Gathered:
        """With who may be named as an approver: those of the project too, where it is one that the account sees."""
        known, project_id = gathered.facts.projects, definition.project_id
        people = None
        if project_id is not None and (known is None or project_id in known):
            try:
                people = await people_of(procore, project_id)
            except ConstructionError as error:
                return replace(gathered, problems=(_unknown(error, "the people of the project"),))
        return replace(gathered, facts=replace(gathered.facts, approvers=await self._approvers(definition, people)))

    async def _approvers(self, definition: Definition, people: People | None) -> Mapping[str, Sequence[str]]:
        """People of the workspace answer where they call from; an address is reached where mail is set up."""
        by_mail = tuple(self._channels & {"email"})
        ways: dict[str, tuple[str, ...]] = dict.fromkeys(_addresses(definition), by_mail)
        for person in people.items if people else ():
            for name in (person.name, person.email):
                if name and person.is_active:
                    ways[name] = by_mail if person.email else ()
        for user in await self._users.list():
            if user.revoked_at is None and user.role.includes(Role.APPROVER):
                ways[user.name] = ("client", *ways.get(user.name, ()))
        return ways


def _addresses(definition: Definition) -> Iterator[str]:
    """The mail addresses that approvals and variables are written with."""
    for action in definition.actions or ():
        if action.type.startswith(_APPROVALS):
            yield from _addresses_in((action.config or {}).values())
    for variable in (definition.variables or {}).values():
        yield from _addresses_in([variable.value, variable.default])


def _addresses_in(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        for part in value if isinstance(value, list) else mail.split(value) if isinstance(value, str) else ():
            if isinstance(part, str) and re.fullmatch(mail.ADDRESS, part):
                yield part


def _named(projects: Projects) -> Mapping[int, str] | None:
    """None where there are more projects than were read: one that is missing may exist."""
    return None if projects.truncated else {one.id: one.name for one in projects.items}


def _active(projects: Projects) -> Sequence[int] | None:
    return None if projects.truncated else [one.id for one in projects.items if one.is_active]


def _is_about_procore(definition: Definition) -> bool:
    """Whether anything in it is judged by what Procore says."""
    trigger = definition.trigger
    is_started_by_it = trigger is not None and (trigger.type == "poll" or trigger.source == "procore")
    kinds = [action.type for action in definition.actions or ()]
    return is_started_by_it or definition.project_id is not None or any(one.startswith(_JUDGED) for one in kinds)


def _unknown(error: ConstructionError, what: str) -> Problem:
    next_call = error.next_call
    step = f"Call {next_call.tool}: it {next_call.why}." if next_call else error.hint
    message = f"What depends on {what} was not checked: {error.message}"
    return warning("", "FACTS_UNKNOWN", message, step or "Deploy again later to have it checked.")
