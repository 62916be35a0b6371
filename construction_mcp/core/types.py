"""Small shared nouns."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

T = TypeVar("T")


class Role(StrEnum):
    """What a principal may do. A builder does not approve, an approver does not build; an admin does both."""

    VIEWER = "viewer"
    BUILDER = "builder"
    APPROVER = "approver"
    ADMIN = "admin"

    def includes(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may do."""
        return needed in (self, Role.VIEWER) or self is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as the transport knows it; never taken from an argument.

    `id` is `local:<uid>` on stdio, `user:<id>` for a bearer, `oauth:<issuer>|<subject>` for a verified token.
    """

    id: str
    role: Role
    name: str = ""


def local_principal() -> Principal:
    """The person at this machine: only their processes reach stdio, the owner's door and the command line."""
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Principal(f"local:{user}", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list: `next_cursor` is None on the last one, `total` None where counting would cost too much.

    `truncated` is True when a filter ran over only part of what there is.
    """

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None
    truncated: bool | None = None
