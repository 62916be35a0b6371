"""Who we are to Procore: the app's credentials, and one account link."""

from dataclasses import dataclass, field
from typing import Literal

from construction_mcp.procore.environments import Environment

Grant = Literal["authorization_code", "client_credentials"]


@dataclass(frozen=True, slots=True)
class App:
    """The app registered with Procore; one pair per environment."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """A Procore account link, owned by one principal.

    `client_credentials` is a service account (DMSA): it sees the projects its installation permits and has to name the
    company on every call. `company_id` is the company used when a call names none.
    Source: Procore "Developer Managed Service Accounts".
    """

    id: str
    environment: Environment
    app: App
    grant: Grant
    company_id: int | None = None
    user_id: int | None = None
