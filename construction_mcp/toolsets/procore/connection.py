"""Tools over the link to a Procore account: make it, look at it, end it."""

from typing import Annotated

from pydantic import Field

from construction_mcp.cache import Cache
from construction_mcp.core.clock import Clock
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Invalid, NeedsLogin, NextCall, NotFound, NotPermitted
from construction_mcp.core.ports import Ask
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.check import check, link_to_note
from construction_mcp.procore.records.companies import Project, companies_of
from construction_mcp.procore.sign_in import SignIn
from construction_mcp.store.connections import Connections
from construction_mcp.store.workflows import Workflows
from construction_mcp.toolsets.procore.shapes import (
    Checked,
    Companies,
    Connection,
    Disconnected,
    SeenProject,
    connected,
)

_NAMED_PROJECTS_MAX = 50  # of a check; list_procore_projects has them all
_QUESTION = "sign_in"
_CODE_QUESTION = "link_account"
_CODE_FORM = {
    "type": "object",
    "properties": {
        "confirm": {
            "type": "boolean",
            "title": "Link this account",
            "description": "Yes, I signed in to Procore just now and this is the code it showed me",
        }
    },
    "required": ["confirm"],
}
_IN_A_TERMINAL = "construction-mcp connect --code CODE"

CompanyId = Annotated[int | None, Field(ge=1), "Company id; the default company otherwise"]


@tool(effect="workspace", role=Role.VIEWER, listed=True, open_world=True, idempotent=True, title="Connect Procore")
async def connect_procore(
    code: Annotated[str | None, Field(min_length=1, max_length=500), "Code that Procore's page showed"] = None,
    company_id: Annotated[int | None, Field(ge=1), "Make this the default company"] = None,
    again: Annotated[bool, "Sign in anew although an account is connected"] = False,
    *,
    sign_in: SignIn,
    accounts: Accounts,
    principal: Principal,
    ask: Ask,
) -> Connection:
    """Connect the caller's Procore account and say whose it is, or return the link the person has to open.

    Call it again after the person signed in, with the code if one was asked for. For permissions use
    check_procore_connection.
    """
    environment = accounts.environment.name
    if code is not None:
        return await _redeemed(sign_in, principal, ask, code.strip(), environment)
    if accounts.is_service:
        account = await sign_in.look(await accounts.of(principal))
        return connected(account, environment, is_service=True)
    present = None if again or ask.state is not None else await _present(sign_in, accounts, principal, company_id)
    return present or await _begin(sign_in, accounts, principal, ask, company_id)


async def _redeemed(sign_in: SignIn, principal: Principal, ask: Ask, code: str, environment: str) -> Connection:
    """The account that a copied code belongs to, once the person said that the code is theirs.

    The code comes from a model, and a model may have read it in a record: with somebody else's code everything the
    person writes from then on would go to that somebody's account.

    Raises:
        Invalid: nobody is waiting for a code of this caller. NeedsLogin: Procore does not know the code.
        NotPermitted: the client has no forms, so that nobody can be asked.
    """
    if not sign_in.awaits_code(principal):
        raise Invalid(
            "No sign-in of yours is waiting for a code.",
            hint="Start again with connect_procore.",
            details={"field": "code"},
            next_call=NextCall("connect_procore", {}, "gives a new link"),
        )
    if not ask.can_form:
        raise NotPermitted(
            "This client cannot ask you whether the code is yours, so no account was linked.",
            code="AUTH_PERSON_REQUIRED",
            hint=f"The person finishes it in a terminal of this machine: {_IN_A_TERMINAL}",
        )
    answer = await ask.form(_CODE_QUESTION, _code_question(principal, code, environment), _CODE_FORM)
    if answer.action != "accept" or (answer.content or {}).get("confirm") is not True:
        return _declined(environment)
    return connected(await sign_in.finish_with_code(principal, code), environment, is_service=False)


def _code_question(principal: Principal, code: str, environment: str) -> str:
    return (
        f"Link a Procore account ({environment}) to {principal.name or principal.id}?\n\n"
        f"It is the account whose sign-in ended with the code {code[:80]}. Agree only if you signed in to Procore "
        "yourself just now and its last page showed you this code. From then on this assistant reads and writes as it."
    )


async def _present(
    sign_in: SignIn, accounts: Accounts, principal: Principal, company_id: int | None
) -> Connection | None:
    """The connection there is, with the company that was asked for; None when only signing in can help."""
    link = await accounts.link_of(principal)
    if link is None:
        return None
    try:
        if company_id is not None and company_id != link.company_id:
            await sign_in.choose_company(principal, company_id)
        account = await sign_in.look(await accounts.of(principal))
    except NeedsLogin:
        return None
    return connected(account, accounts.environment.name, is_service=False)


async def _begin(
    sign_in: SignIn, accounts: Accounts, principal: Principal, ask: Ask, company_id: int | None
) -> Connection:
    """Give the person a link; where the client can open it, wait a while for them to come back.

    The second run of the same call (2026-07-28) only waits: its link was made by the first.
    """
    environment, comes_back = accounts.environment.name, sign_in.address
    if not ask.can_url:
        return _waiting(ask, environment, sign_in.link(principal, company_id), comes_back=comes_back is not None)
    is_second_run = ask.state is not None
    url = (comes_back or accounts.environment.login) if is_second_run else sign_in.link(principal, company_id)
    message = "Sign in to Procore to link your account to this server."
    if comes_back is None:
        message += " Copy the code that the last page shows."
    answer = await ask.url(_QUESTION, message, url, state=_QUESTION)
    if answer.action != "accept":
        return _declined(environment)
    if comes_back is None:
        return _waiting(ask, environment, None if is_second_run else url, comes_back=False)
    if not await sign_in.wait(principal):
        return _waiting(ask, environment, None if is_second_run else url, comes_back=True)
    return connected(await sign_in.look(await accounts.of(principal)), environment, is_service=False)


def _declined(environment: str) -> Connection:
    return Connection("declined", environment, "Nothing was connected. Call connect_procore to try again.")


def _waiting(ask: Ask, environment: str, url: str | None, *, comes_back: bool) -> Connection:
    if comes_back:
        step = "Show the person the link and let them sign in, then call connect_procore again."
        return Connection("waiting", environment, step, url)
    step = "Show the person the link; after signing in Procore shows a code. "
    if ask.can_form:
        step += "Call connect_procore with that code."
    else:
        step += f"They type it in a terminal of this machine: {_IN_A_TERMINAL}"
    return Connection("waiting_for_code", environment, step, url)


@tool(effect="read", open_world=True)
async def check_procore_connection(
    project_id: Annotated[int | None, Field(ge=1), "Project whose tools are asked; else the first active one"] = None,
    *,
    accounts: Accounts,
    connections: Connections,
    procore: Procore,
    cache: Cache,
    principal: Principal,
    clock: Clock,
) -> Checked:
    """Return what the Procore connection reaches: user, companies, projects by name, readable tools, and what changed.

    Use it after PROCORE_FORBIDDEN or PROCORE_NOT_FOUND. Each check is compared with the one before.
    """
    cache.forget_connection(procore.connection.id)  # a check that answers from before checks nothing
    link = await link_to_note(accounts, connections, principal.id)
    found, seen = await check(procore, link, clock.now(), project_id)
    if project_id is not None and found.project is None:
        raise NotFound(
            f"Project {project_id} is not visible to this connection.",
            code="PROCORE_NOT_FOUND",
            next_call=NextCall("list_procore_projects", {}, "shows the visible projects"),
        )
    if link is not None:
        await connections.note_check(link.id, seen)
    return Checked(
        environment=accounts.environment.name,
        user=found.me.name,
        login=found.me.login,
        is_service_account=accounts.is_service,
        companies=found.companies,
        projects_total=len(found.projects),
        projects=[_named(project) for project in found.projects[:_NAMED_PROJECTS_MAX]],
        project=None if found.project is None else _named(found.project),
        permission_template=found.reach.permission_template if found.reach else None,
        tools=found.reach.tools if found.reach else [],
        changed=found.changed,
    )


@tool(effect="read", open_world=True)
async def list_procore_companies(*, procore: Procore) -> Companies:
    """List the Procore companies the connection sees, in Procore's order, and which is the default.

    Use connect_procore with company_id to change the default.
    """
    return Companies(await companies_of(procore))


@tool(effect="outside", role=Role.VIEWER, open_world=True, destructive=True)
async def disconnect_procore(
    *, sign_in: SignIn, workflows: Workflows, accounts: Accounts, principal: Principal
) -> Effect[Disconnected]:
    """Revoke and forget the caller's Procore account, and return the workflows that can no longer run.

    Ask first: workflows that act through the account stop. Use connect_procore to connect another one.
    """
    connection = await sign_in.own_connection(principal)
    stopped = list(await workflows.running_as(principal.id, connection.environment.name))
    link = await accounts.link_of(principal)
    login = (link.login if link else None) or "the account"

    async def perform() -> Disconnected:
        return Disconnected(await sign_in.disconnect(principal), stopped)

    return Effect(
        summary=f"Disconnect {login} from Procore {connection.environment.name}",
        shown={
            "account": login,
            "environment": connection.environment.name,
            "workflows_that_stop": [workflow.name for workflow in stopped],
        },
        perform=perform,
        targets=(f"connection:{connection.id}",),
    )


def _named(project: Project) -> SeenProject:
    return SeenProject(project.id, project.label, project.is_active)
