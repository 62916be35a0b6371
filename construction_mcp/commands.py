"""What can be asked of a data directory besides MCP: one function each, run by the CLI or by the owner it asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import Invalid
from construction_mcp.core.types import Role, local_principal

if TYPE_CHECKING:
    from construction_mcp.engine.approvals import Approvals
    from construction_mcp.procore.sign_in import Account, SignIn
    from construction_mcp.store.approvals import Approval
    from construction_mcp.store.database import Database
    from construction_mcp.store.users import User, Users

_APPROVALS_LISTED_MAX = 100
_ENTRIES_MAX = 1000  # of one answer: within a frame between two processes

Command = Callable[[House, Mapping[str, Any]], Awaitable[dict[str, Any]]]


async def users_add(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`name`, `role`, `expires_in_days`? -> the user and, once, the bearer."""
    days = arguments.get("expires_in_days")
    expires_at = None if days is None else house.clock.now() + timedelta(days=days)
    user, bearer = await (await _users(house)).add(
        arguments["name"], Role(arguments["role"]), expires_at=expires_at, by=local_principal().id
    )
    return {"user": _public(user), "bearer": bearer}


async def users_list(house: House, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Everybody, revoked ones included."""
    return {"users": [_public(user) for user in await (await _users(house)).list()]}


async def users_revoke(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`user_id` -> the user, without access from now on."""
    return {"user": _public(await (await _users(house)).revoke(arguments["user_id"], by=local_principal().id))}


async def users_rotate(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`user_id` -> the user and, once, the new bearer; the old one is dead."""
    user, bearer = await (await _users(house)).rotate(arguments["user_id"], by=local_principal().id)
    return {"user": _public(user), "bearer": bearer}


async def audit_part(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`after` -> the next entries of the audit log as they are chained; none at its end."""
    from construction_mcp.store.audit import part

    after, database = int(arguments["after"]), await _database(house)
    return {"entries": await database.read(lambda tx: part(tx, after, _ENTRIES_MAX))}


async def audit_verify(house: House, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the audit log is what was written, and where not."""
    from construction_mcp.store.audit import verify

    return dict((await (await _database(house)).read(verify))._asdict())


async def backup(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`target`, `with_keys`? -> the manifest of the copy."""
    from construction_mcp.store.backup import back_up

    target = Path(arguments["target"])
    manifest = await back_up(
        await _database(house),
        house.settings,
        target,
        now=house.clock.now(),
        with_keys=bool(arguments.get("with_keys")),
    )
    return {"target": str(target), **asdict(manifest)}


async def take_over(house: House, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """End standby; `was_standby` is false when there was none."""
    from construction_mcp.store import meta

    return {"was_standby": await meta.take_over(await _database(house))}


async def keys_status(house: House, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Which key the workspace belongs to and where it comes from."""
    from construction_mcp.core.keys import key_file
    from construction_mcp.store.meta import open_key_ring

    ring = await open_key_ring(await _database(house), house.settings)
    from_environment = house.settings.key_file is None and house.settings.key is not None
    source = "CONSTRUCTION_MCP_KEY" if from_environment else str(key_file(house.settings))
    return {"fingerprint": ring.fingerprint, "source": source}


async def keys_webhook(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`url` -> what the receiver there checks signatures with."""
    from construction_mcp.notify.signing import Signatures
    from construction_mcp.store.meta import open_key_ring

    ring = await open_key_ring(await _database(house), house.settings)
    return {"secret": Signatures(ring).secret_of(arguments["url"])}


async def connect_look(house: House, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Where the connection of the person at this machine stands; a connected or service account is tried out."""
    from construction_mcp.procore.access import Accounts

    accounts = await house.services.get(Accounts)
    settings = house.settings
    said = {
        "environment": accounts.environment.name,
        "grant": settings.procore_grant,
        "public_url": settings.public_url,
    }
    try:
        said["client_id"] = accounts.app().client_id
    except Invalid:
        return {**said, "status": "app_missing"}
    if not accounts.is_service and await accounts.link_of(local_principal()) is None:
        return {**said, "status": "not_connected"}
    account = await (await _sign_in(house)).look(await accounts.of(local_principal()))
    return {**said, **_account(account), "status": "service_account" if accounts.is_service else "connected"}


async def connect_begin(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`company_id`? -> the address where the person signs in and is shown a code."""
    return {"url": (await _sign_in(house)).link(local_principal(), arguments.get("company_id"), by_code=True)}


async def connect_finish(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`code`, `company_id`? -> the account that is connected now."""
    sign_in = await _sign_in(house)
    account = await sign_in.redeem(local_principal(), arguments["code"], arguments.get("company_id"))
    return {**_account(account), "status": "connected"}


async def connect_company(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`company_id` -> the same, now the company of calls that name none."""
    await (await _sign_in(house)).choose_company(local_principal(), arguments["company_id"])
    return await connect_look(house, {})


async def disconnect(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`confirmed` -> whether Procore confirmed the revocation; without it only what would stop."""
    from construction_mcp.store.workflows import Workflows

    sign_in, person = await _sign_in(house), local_principal()
    connection = await sign_in.own_connection(person)
    workflows = await house.services.get(Workflows)
    stops = [asdict(one) for one in await workflows.running_as(person.id, connection.environment.name)]
    if not arguments.get("confirmed"):
        return {"status": "needs_confirmation", "workflows": stops}
    return {"status": "disconnected", "revoked": await sign_in.disconnect(person), "workflows": stops}


async def approvals_list(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`all`? -> the newest of what is pending, or of everything."""
    approvals = await _approvals(house)
    found = await approvals.page(None if arguments.get("all") else "pending", _APPROVALS_LISTED_MAX)
    return {"approvals": [_approval(one) for one in found]}


async def approvals_show(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`approval_id` -> all of it and, while it is pending, the code: whoever runs commands here is a person."""
    from construction_mcp.engine.approvals import TERMINAL

    approvals = await _approvals(house)
    approval = await approvals.get(arguments["approval_id"])
    code = approvals.code(approval, TERMINAL) if approval.status == "pending" else None
    return {"approval": _approval(approval), "code": code}


async def approvals_decide(house: House, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`approval_id`, `digest` of what was shown, `decision`, `edits`?, `comment`? -> the approval, decided."""
    from construction_mcp.engine.approvals import Said

    said = Said(
        arguments["approval_id"],
        arguments["digest"],
        arguments["decision"],
        arguments.get("edits") or {},
        arguments.get("comment"),
    )
    await house.require_live()
    return {"approval": _approval(await (await _approvals(house)).decide(said, local_principal(), "terminal"))}


COMMANDS: dict[str, Command] = {
    "approvals.list": approvals_list,
    "approvals.show": approvals_show,
    "approvals.decide": approvals_decide,
    "audit.part": audit_part,
    "audit.verify": audit_verify,
    "users.add": users_add,
    "users.list": users_list,
    "users.revoke": users_revoke,
    "users.rotate": users_rotate,
    "backup": backup,
    "take-over": take_over,
    "keys.status": keys_status,
    "keys.webhook": keys_webhook,
    "connect.look": connect_look,
    "connect.begin": connect_begin,
    "connect.finish": connect_finish,
    "connect.company": connect_company,
    "disconnect": disconnect,
}


async def _database(house: House) -> "Database":
    from construction_mcp.store.database import Database

    return await house.services.get(Database)


async def _approvals(house: House) -> "Approvals":
    from construction_mcp.engine.approvals import Approvals

    return await house.services.get(Approvals)


async def _users(house: House) -> "Users":
    from construction_mcp.store.users import Users

    return await house.services.get(Users)


async def _sign_in(house: House) -> "SignIn":
    from construction_mcp.procore.sign_in import SignIn

    return await house.services.get(SignIn)


def _account(account: "Account") -> dict[str, Any]:
    problem = account.problem.public()["error"] if account.problem is not None else None
    return {
        "user": account.me.name,
        "login": account.me.login,
        "companies": [asdict(company) for company in account.companies],
        "projects": account.projects,
        "problem": problem,
    }


def _approval(approval: "Approval") -> dict[str, Any]:
    shown = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(approval).items()
    }
    return {**shown, "edits": approval.edits}


def _public(user: "User") -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(user).items()}
