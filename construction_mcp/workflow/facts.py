"""What the compiler has to be told about the world, since it looks at nothing itself. `None` means nobody asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """What the process that will run the workflow can do.

    always_on: it keeps running when its client goes away (`serve`).
    public: Procore and others can reach it, so webhooks arrive.
    channels: what notifications may go through by the settings: email, slack, teams.
    performs: the action types it can carry out; None for all that exist.
    """

    always_on: bool = True
    public: bool = True
    channels: frozenset[str] | None = None
    performs: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """About the workspace and about Procore as the workflow's connection sees it.

    projects: name by id, of all projects of the company that the connection sees; active_projects: those in progress.
    permissions: level by Procore tool and project (None for the company): none, read_only, standard, admin.
    approvers: the ways to reach each person that may be named, by their name or address; empty where there is none.
    workflows: what may be called, name by id.
    hourly_quota: requests that Procore admits per hour; others_per_hour: what the other active workflows may take.
    """

    environment: str
    company_id: int | None
    host: Host = Host()
    projects: Mapping[int, str] | None = None
    active_projects: Sequence[int] | None = None
    permissions: Mapping[tuple[str, int | None], str] | None = None
    approvers: Mapping[str, Sequence[str]] | None = None
    workflows: Mapping[str, str] | None = None
    hourly_quota: int | None = None
    others_per_hour: int = 0
