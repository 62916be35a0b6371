"""Whom a run may mail: addresses that were agreed to, and those it chose itself within `allow`."""

from collections.abc import Sequence

from construction_mcp.actions.mail import PROJECT_DIRECTORY, Allow
from construction_mcp.actions.performing import Context
from construction_mcp.core.errors import NotPermitted
from construction_mcp.procore.records.people import people_of


async def admitted(people: Sequence[str], allow: Allow | None, context: Context) -> tuple[tuple[str, str], ...]:
    """What is reached, as consents name it: each address, or what `allow` admits where it covers the address.

    Raises:
        NotPermitted: EXECUTION_CONSENT_EXCEEDED; more people than one run may choose, or somebody it may not.
    """
    if context.run.deliver_to is not None:
        return (("mail", context.run.deliver_to),)
    agreed = {str(one["target"]) for one in context.run.consent if one["kind"] == "mail"}
    addresses = [one.lower() for one in people]
    others = [one for one in dict.fromkeys(addresses) if one not in agreed]
    if not others or allow is None:
        return tuple(("mail", one) for one in dict.fromkeys(addresses))
    if len(others) > allow.max_per_run:
        raise _beyond(f"The run chose {len(others)} people; {allow.max_per_run} were agreed to.")
    target, known = allow.to.lower(), await _directory(allow, context)
    for one in others:
        if known is not None and one not in known:
            raise _beyond("The run chose somebody who is not in the project's directory.")
        if known is None and not one.endswith(target):
            raise _beyond(f"The run chose an address outside {target}.")
    if known is not None and context.run.project_id is not None:
        target = f"{PROJECT_DIRECTORY} of project {context.run.project_id}"
    return (*(("mail", one) for one in dict.fromkeys(addresses) if one in agreed), ("mail", target))


async def _directory(allow: Allow, context: Context) -> set[str] | None:
    """The addresses of the project's people; None where `allow` names a domain."""
    if allow.to.lower() != PROJECT_DIRECTORY:
        return None
    if context.run.project_id is None:
        raise _beyond("The workflow has no project whose directory could be looked into.")
    people = await people_of(await context.procore(), context.run.project_id)
    return {one.email.lower() for one in people.items if one.email}


def _beyond(message: str) -> NotPermitted:
    return NotPermitted(message, code="EXECUTION_CONSENT_EXCEEDED", hint="Change `allow` and deploy again.")
