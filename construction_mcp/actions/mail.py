"""Mail addresses in configs: how they are written, and who agrees to them."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from construction_mcp.actions.action import Config, Consent, Setting, Unbounded, Written
from construction_mcp.actions.form import Form
from construction_mcp.actions.written import HOLE, awaits_user, in_words, texts
from construction_mcp.core.config import Limits
from construction_mcp.core.destinations import MAIL_ADDRESS

_LIMITS = Limits()
_BETWEEN = re.compile("[,;]")
_SEVERAL = rf"^\s*{MAIL_ADDRESS}(\s*[,;]\s*{MAIL_ADDRESS})*\s*$"
ADDRESS = rf"^{MAIL_ADDRESS}$"
PROJECT_DIRECTORY = "project_directory"


def split(value: Any) -> Any:
    """The addresses of `a@x.com, b@x.com` as a list; what is no text stays for the list's own check."""
    return [part.strip() for part in _BETWEEN.split(value) if part.strip()] if isinstance(value, str) else value


Address = Annotated[str, Form(ADDRESS, "a mail address, as ann@builder.com"), Field(max_length=254)]
Addresses = Annotated[
    list[Address],
    BeforeValidator(split),
    Field(min_length=1, max_length=_LIMITS.recipients_max),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _SEVERAL},
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": ADDRESS, "maxLength": 254},
                    "minItems": 1,
                    "maxItems": _LIMITS.recipients_max,
                },
            ]
        }
    ),
]


class Allow(Config):
    """Whom a run may choose as recipients. Deploying agrees to this."""

    to: Annotated[
        str,
        Form(
            rf"^({PROJECT_DIRECTORY}|@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)$",
            "project_directory or a domain, as @builder.com",
        ),
        Field(
            max_length=254,
            description="project_directory for people of the project, or a domain as @builder.com",
        ),
    ]
    max_per_run: Annotated[
        int, Field(ge=1, le=_LIMITS.computed_mails_max, description="How many people one run may reach at most")
    ]


def fixed(value: Any) -> list[str]:
    """The addresses that are written out, canonically and once each."""
    return sorted({part.lower() for text in texts(value) if HOLE not in text for part in split(text)})


def computed(value: Any) -> list[str]:
    """Texts that only a run turns into addresses; not those that wait for the user's value of a variable."""
    return [text for text in texts(value) if HOLE in text and not awaits_user(text)]


def consents(written: Written, setting: Setting, fields: Sequence[str]) -> list[Consent | Unbounded]:
    """Consent to each address in `fields`, and to what `allow` admits; where neither bounds it, why not."""
    found: list[Consent | Unbounded] = [Consent("mail", one) for one in fixed([written.get(name) for name in fields])]
    allowed = _allowed(written.get("allow"), setting)
    if allowed is not None:
        return [*found, allowed]
    return [*found, *(_unbounded(name, text) for name in fields for text in computed(written.get(name)))]


def _allowed(allow: Any, setting: Setting) -> Consent | None:
    """What `allow` admits, as far as it is written well; the config's own check tells what is not."""
    if not isinstance(allow, dict) or not isinstance(allow.get("to"), str):
        return None
    target = allow["to"].lower()
    if target == PROJECT_DIRECTORY and setting.project_id is not None:
        target = f"{PROJECT_DIRECTORY} of project {setting.project_id}"
    most = allow.get("max_per_run")
    return Consent("mail", target, most if isinstance(most, int) else None)


def _unbounded(name: str, text: str) -> Unbounded:
    return Unbounded(
        name,
        f"Who gets mail is decided only in the run, by {text[:100]!r}.",
        "Name addresses or a variable, or add allow: {to: project_directory, max_per_run: 10}, or a domain as"
        " @builder.com instead of project_directory.",
    )


def recipients_in_words(written: Written, fields: Sequence[str] = ("to", "cc")) -> str:
    """`a@x.com and b@x.com`, and whom a run may choose."""
    said = list(texts([written.get(name) for name in fields]))
    named, waiting = fixed(said), sorted({text for text in said if awaits_user(text)})
    allow = written.get("allow")
    chosen = [f"up to {allow.get('max_per_run')} people of {allow.get('to')}"] if isinstance(allow, dict) else []
    if not chosen and computed(said):
        chosen = ["people chosen in the run"]
    return in_words([*named, *waiting, *chosen], "more")
