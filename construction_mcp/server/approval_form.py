"""What a page's form about an approval brings back, and what of it is an edit."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import read_json
from construction_mcp.engine.approval_watch import value_text
from construction_mcp.notify.message import cleaned
from construction_mcp.store.approvals import EDITS_BYTES_MAX, Approval

_BODY_BYTES_MAX = 6 * EDITS_BYTES_MAX  # a byte of a form may take three, and there is more in it than edits
_FIELDS_MAX = 60


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that occur once.

    Raises:
        Invalid: too much, or not a form.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _BODY_BYTES_MAX:
            raise Invalid("The form is too large.", code="VALIDATION_TOO_LARGE")
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError:
        raise Invalid("The form cannot be read.") from None
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def edits_of(approval: Approval, given: Mapping[str, str]) -> dict[str, Any]:
    """What the person changed. What came back as it was shown is no edit, however a browser ends its lines."""
    edits = {}
    for number, name in enumerate(approval.editable):
        value = given.get(f"edit_{number}")
        before = approval.shown.get(name)
        if value is not None and _lines(value) != _lines(written(before)):
            edits[name] = _read(name, _lines(value), before)
    return edits


def _read(name: str, text: str, before: Any) -> Any:
    """As the type of what was shown."""
    if isinstance(before, str) or before is None:
        return text
    try:
        return read_json(text.strip(), bytes_max=EDITS_BYTES_MAX)
    except Invalid:
        raise Invalid(f"{name} cannot be read; write it as it was written.") from None


def written(value: Any) -> str:
    """A value of what is shown as the text that a person reads and may edit."""
    return "" if value is None else str(cleaned(value_text(value)))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
