"""Where each Procore environment lives.

Source: Procore "Development Environments", "Multiple Procore Zones", "Federal Zone Overview". Tokens are never shared
between environments.
"""

from dataclasses import dataclass, replace

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid
from construction_mcp.net.egress import Endpoint, built_in, chosen_by_operator


@dataclass(frozen=True, slots=True)
class Environment:
    """Base URLs without a trailing slash. `web` is what people open; `overridden` when the operator named the hosts."""

    name: str
    api: str
    login: str
    web: str
    overridden: bool = False


# The simulator runs in this process, so its host is a name nobody can resolve: it is reached by its transport alone.
SIMULATOR_URL = "http://simulator.invalid"

_ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment("simulator", SIMULATOR_URL, SIMULATOR_URL, SIMULATOR_URL),
        Environment(
            "sandbox",
            "https://sandbox.procore.com",
            "https://login-sandbox.procore.com",
            "https://sandbox.procore.com",
        ),
        Environment(
            "monthly",
            "https://api-monthly.procore.com",
            "https://login-sandbox-monthly.procore.com",
            "https://api-sandbox-monthly.procore.com",
        ),
        Environment("production", "https://api.procore.com", "https://login.procore.com", "https://app.procore.com"),
        Environment(
            "federal", "https://api.procoregov.com", "https://login.procoregov.com", "https://app.procoregov.com"
        ),
    )
}


def environment_of(settings: Settings) -> Environment:
    """The environment of the settings, its hosts replaced where PROCORE_API_URL and PROCORE_LOGIN_URL say so.

    Raises:
        Invalid: an override is not an http or https URL; plain http is for loopback and the simulator only.
    """
    environment = _ENVIRONMENTS[settings.environment]
    api, login = settings.procore_api_url, settings.procore_login_url
    if api is None and login is None:
        return environment
    changed = replace(environment, api=_base(api or environment.api), login=_base(login or environment.login))
    return replace(changed, web=changed.api if environment.name == "simulator" else changed.web, overridden=True)


def endpoints_of(environment: Environment) -> list[Endpoint]:
    """What the client may connect to: exactly the two hosts."""
    judge = chosen_by_operator if environment.overridden else built_in
    return [judge(environment.api), judge(environment.login)]


def _base(url: str) -> str:
    endpoint = chosen_by_operator(url)  # checks the form
    if url.startswith("http://") and endpoint.host not in ("127.0.0.1", "::1", "localhost", "simulator.invalid"):
        raise Invalid("PROCORE_API_URL and PROCORE_LOGIN_URL must be https, except on this machine.")
    return url.rstrip("/")
