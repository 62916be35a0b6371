"""Asking a person. What stands after it and reaches outside happens only when they said yes."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from construction_mcp.actions import mail
from construction_mcp.actions.action import ActionType, Config, Consent, Setting, Unbounded, Written
from construction_mcp.actions.durations import Duration
from construction_mcp.actions.shapes import closed, or_null, text
from construction_mcp.actions.transform import Inputs
from construction_mcp.actions.written import HOLE, in_words, texts
from construction_mcp.expressions.port import ANYTHING, Schema

_PEOPLE_MAX = 20  # an approval that everybody may give is nobody's
_THREE_DAYS_S = 3 * 86_400


def _alone(value: Any) -> Any:
    """One person may be written as a text. It is not taken apart: `Lopez, Ana` is one name."""
    return [value] if isinstance(value, str) else value


Person = Annotated[str, Field(min_length=1, max_length=254)]
People = Annotated[
    list[Person],
    BeforeValidator(_alone),
    Field(min_length=1, max_length=_PEOPLE_MAX),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": _PEOPLE_MAX},
            ]
        }
    ),
]


class ApprovalConfig(Config):
    """A question, whom it goes to, and what happens when nobody answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"on_expiry": {"const": "escalate"}}, "required": ["on_expiry"]},
            "then": {"required": ["escalate_to"]},
        }
    )

    approvers: Annotated[
        People, Field(description="Mail addresses or users of this server; the first of them to answer decides")
    ]
    message: Annotated[str, Field(min_length=1, max_length=4000, description="What is asked, in words")]
    show: Annotated[
        dict[str, Any] | None,
        Field(max_length=50, description="What they decide about, by name; a decision holds for exactly this"),
    ] = None
    editable: Annotated[
        list[str] | None, Field(max_length=50, description="Names in show that they may change before they say yes")
    ] = None
    expires_in: Annotated[Duration, Field(description="How long it stays open, as 2 days; 3 days unless given")] = (
        _THREE_DAYS_S
    )
    on_expiry: Annotated[
        Literal["reject", "fail", "escalate"],
        Field(description="When nobody answered: count it as no, fail the step, or ask escalate_to once more"),
    ] = "reject"
    remind_after: Annotated[Duration | None, Field(description="How long until they are asked again, as 1 day")] = None
    escalate_to: Annotated[People | None, Field(description="Who is asked when it expired, as in approvers")] = None

    @model_validator(mode="after")
    def _escalates_to_somebody(self) -> Self:
        if self.on_expiry == "escalate" and self.escalate_to is None:
            raise ValueError("on_expiry: escalate needs escalate_to")
        return self

    @model_validator(mode="after")
    def _edits_what_is_shown(self) -> Self:
        if isinstance(self.show, dict | None) and isinstance(self.editable, list):  # else a template gives them
            names = [name for name in self.editable if isinstance(name, str)]
            if unknown := sorted(set(names) - (self.show or {}).keys()):
                raise ValueError(f"editable names {', '.join(unknown)}, which show does not have")
        return self

    @model_validator(mode="after")
    def _reminds_in_time(self) -> Self:
        known = isinstance(self.remind_after, int) and isinstance(self.expires_in, int)  # else a template gives them
        if self.remind_after is not None and known and self.remind_after >= self.expires_in:
            raise ValueError("remind_after is not before expires_in")
        return self


def _output(inputs: Inputs) -> Schema:
    """`edits` holds every editable value as it was decided on, changed or not."""
    return closed(
        decision=text("approve", "reject"),
        edits=_edits(inputs) if inputs else {"type": "object"},
        by=or_null(text()),
        comment=or_null(text()),
    )


def _edits(inputs: Inputs) -> Schema:
    editable = inputs.get("editable", {"const": ()})
    if "const" not in editable:
        return {"type": "object"}
    shown = inputs.get("show", ANYTHING).get("properties", {})
    return closed(**{name: shown.get(name, ANYTHING) for name in editable["const"] or () if isinstance(name, str)})


def _words(written: Written, _setting: Setting) -> str:
    people = [text for text in texts(written.get("approvers")) if HOLE not in text]
    return f"ask {in_words(people, 'more') or 'somebody'} to approve"


def _consents(written: Written, _setting: Setting) -> list[Consent | Unbounded]:
    """The question is mailed to those who are named by address; users of this server said how to reach them."""
    found: list[Consent | Unbounded] = []
    for field in ("approvers", "escalate_to"):
        people = written.get(field)
        named = {one.strip().lower() for one in texts(people) if re.fullmatch(mail.ADDRESS, one.strip())}
        found += [Consent("mail", one) for one in sorted(named)]
        found += [
            Unbounded(
                field,
                f"Who decides would be known only in the run, from {text[:100]!r}.",
                "Name the approvers, or use a variable that this workflow's user fills in.",
            )
            for text in mail.computed(people)
        ]
    return found


TYPES = (
    ActionType(
        name="approval.request",
        config=ApprovalConfig,
        effect="wait",
        doc="Ask a person and wait for the decision; outside effects written after it happen only when it is approve.",
        output=_output,
        words=_words,
        consents=_consents,
        asks_person=True,
    ),
)
