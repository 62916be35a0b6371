"""What a person needs to know before an account can be connected, and what they send to whoever may install the app.

Source: Procore developer documentation, "Create an App", "Developer Managed Service Accounts", "OAuth 2.0 Endpoints",
"User Permissions".
"""

from collections.abc import Sequence

from construction_mcp.core.config import Settings
from construction_mcp.procore.oauth import OUT_OF_BAND
from construction_mcp.procore.sign_in import CALLBACK_PATH

_DEFAULT_SERVE_URL = "http://127.0.0.1:8765"

_PERMISSIONS = (  # Procore tool, least level for reading, level for what the tools here can write
    ("RFIs", "Read Only", "Standard"),
    ("Submittals", "Read Only", "Standard"),
    ("Daily Log", "Read Only", "Standard"),
    ("Punch List, Observations", "Read Only", "Standard"),
    ("Inspections, Incidents, Meetings, Photos", "Read Only", "-"),
    ("Documents, Drawings, Specifications", "Read Only", "-"),
    ("Schedule, Change Events, Budget", "Read Only", "-"),
    ("Webhooks API (company)", "-", "Standard"),
)


def redirect_uris(settings: Settings) -> tuple[str, str]:
    """What has to be registered with the app, to the letter: where `serve` answers, and the page that shows a code."""
    base = settings.public_url or settings.serve_url or _DEFAULT_SERVE_URL
    return base.rstrip("/") + CALLBACK_PATH, OUT_OF_BAND


def portal_steps(settings: Settings) -> str:
    """How to register the app and tell this server about it."""
    uris = "\n".join(f"       {uri}" for uri in redirect_uris(settings))
    return f"""\
No Procore app is configured for the environment {settings.environment}. Once per company:

  1. Sign in at developers.procore.com and create an app (My Apps, Create New App).
  2. Add a data connection component to it and choose one:
       user-level      each person signs in and acts with their own permissions (PROCORE_GRANT=authorization_code)
       service account the app acts as itself on the projects an admin permits (PROCORE_GRANT=client_credentials)
  3. For user-level sign-in register these redirect URIs, exactly as they stand here:
{uris}
  4. Create a version of the app. A company admin installs it with the app version key:
       construction-mcp connect --request     prints the message to send them
  5. Set the credentials of the same environment and run this command again:
       PROCORE_ENVIRONMENT={settings.environment}  PROCORE_CLIENT_ID=...  PROCORE_CLIENT_SECRET=...
     Keep the secret out of client configurations: an environment file or the service's own settings.
"""


def request_to_admin(settings: Settings) -> str:
    """A message that a company admin can act on without asking back."""
    is_service = settings.procore_grant == "client_credentials"
    kind = "a service account of its own" if is_service else "each person's own sign-in, never with more than they may"
    steps = _service_steps() if is_service else ()
    lines = [
        "Subject: Please install an app in our Procore company",
        "",
        "Hello,",
        "",
        "we would like to use construction-mcp for Procore. It watches RFIs, submittals and daily logs,",
        f"reminds people, and asks before it changes anything. It works with {kind}.",
        "It runs on our own machine; data goes from Procore to that machine and to the AI client of whoever asks.",
        "",
        "Please, as company admin:",
        "  1. Company level, Admin, App Management, Install App, Install Custom App.",
        "  2. App version key: ____________________ (from the developer portal, page of the app)",
        f"     Client id, to compare: {settings.procore_client_id or '____________________'}",
        *(f"  {number}. {step}" for number, step in enumerate(steps, start=3)),
        "",
        "Permissions it makes use of (read / write):",
        *(f"  {tool:42} {read:10} {write}" for tool, read, write in _PERMISSIONS),
        "",
        "Whatever is missing only switches off what depends on it. Uninstalling the app ends all access at once.",
    ]
    return "\n".join(lines)


def _service_steps() -> Sequence[str]:
    return (
        "Choose the permitted projects: the service account sees no others, and new projects are not added by itself.",
        "Give the user that the installation creates the permissions below in the directory.",
        "Repeat the list of projects after each update of the app: an update clears it.",
    )
