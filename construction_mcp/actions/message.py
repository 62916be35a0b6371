"""What notifications have in common: a text of one's own, or a template with its data."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from construction_mcp.actions import notifications
from construction_mcp.actions.action import Config
from construction_mcp.core.nearest import nearest

TEXT_CHARS_MAX = 20_000  # about eight pages: beyond that people want a document


def _known(name: str) -> str:
    if name not in notifications.names():
        near = nearest(name, notifications.names())
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"there is no notification template {name[:60]!r}{meant}")
    return name


TemplateName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(notifications.names())})
]


class Message(Config):
    """The part of a notification that says something."""

    template: Annotated[TemplateName | None, Field(description="A notification template, instead of an own text")] = (
        None
    )
    data: Annotated[dict[str, Any] | None, Field(description="What the template shows, by the names it asks for")] = (
        None
    )
    when_empty: Annotated[
        Literal["send", "skip", "weekly"],
        Field(
            description="When the template has only empty lists to show: send it anyway, skip it, or say so weekly,"
            " so that silence is not mistaken for a breakdown"
        ),
    ] = "skip"

    def checked(self, own_text: str | None, name: str) -> None:
        """Whether there is one thing to say, and the template has what it needs.

        Raises:
            ValueError: what is missing or too much.
        """
        if (own_text is None) == (self.template is None):
            raise ValueError(f"give either {name} or template")
        if self.template is None and self.data is not None:
            raise ValueError("data is for a template")
        if isinstance(self.template, str) and isinstance(self.data, dict | None):
            self._has_what_is_needed(self.template, self.data or {})

    @staticmethod
    def _has_what_is_needed(template: str, given: Mapping[str, Any]) -> None:
        needed = notifications.load(template).data
        if missing := sorted(needed.keys() - given.keys()):
            raise ValueError(f"the template {template} needs data: {', '.join(missing)}")
        if unknown := sorted(given.keys() - needed.keys()):
            raise ValueError(f"the template {template} has no place for {', '.join(unknown)}")


def shape_with(name: str) -> Callable[[dict[str, Any]], None]:
    """Adds to the JSON Schema of a message with its own text in `name` what `Message.checked` checks."""

    def add(schema: dict[str, Any]) -> None:
        schema["oneOf"] = [{"required": [name], "properties": {"data": False}}, {"required": ["template"]}]
        schema["allOf"] = [_data_of(template) for template in notifications.names()]

    return add


def _data_of(template: str) -> Mapping[str, Any]:
    needed = notifications.load(template).data
    data = {
        "type": "object",
        "properties": {field: dict(schema) for field, schema in needed.items()},
        "required": list(needed),
        "additionalProperties": False,
    }
    return {
        "if": {"properties": {"template": {"const": template}}, "required": ["template"]},
        "then": {"properties": {"data": data}, "required": ["data"]},
    }
