"""What deploying and going back answer with (PRODUCT.md section 4.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from construction_mcp.store.deliveries import Ignored
from construction_mcp.workflow.problems import Problem


@dataclass(frozen=True, slots=True)
class Deployment:
    """How a deployment ended. `invalid`: problems has errors; `validated`: nothing was changed, as asked for;
    `needs_approval`: another person has to approve it first, then the same call deploys it.

    effects: what it can do, in words; changes: what is different from the version before, in words.
    requests_per_hour: to Procore, of `this` and of `all_active` workflows with it.
    webhook_secret: told here and never again.
    """

    status: Literal["deployed", "validated", "invalid", "declined", "needs_approval"]
    effects: Sequence[str]
    requests_per_hour: Mapping[str, int]
    problems: Sequence[Problem]
    version: int | None = None
    plan_hash: str | None = None
    changes: Sequence[str] = ()
    webhook_url: str | None = None
    webhook_secret: str | None = None
    next_run_at: datetime | None = None
    approval_id: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Switched:
    """A workflow after a pause, a resumption or the way back to a version. The draft stays as it was.

    ignored: what was posted while it was paused and started nothing, newest first; each is listed once.
    """

    status: Literal["active", "paused", "draft", "error"]
    version: int | None
    changes: Sequence[str] = ()
    problems: Sequence[Problem] = ()
    webhook_url: str | None = None
    webhook_secret: str | None = None
    next_run_at: datetime | None = None
    ignored: Sequence[Ignored] = ()
