"""Texts of a certain form, refused in words: pydantic would show a person the pattern."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Form:
    """Marks a text in a config that has to match a whole pattern; `what` completes "... is not"."""

    pattern: str
    what: str

    def check(self, value: str) -> str:
        """The value itself.

        Raises:
            ValueError: it has another form.
        """
        # $ alone would let a line break stand behind it.
        if re.search(self.pattern, value) is None or value.endswith("\n"):
            raise ValueError(f"{value[:_SHOWN_MAX]!r} is not {self.what}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "pattern": self.pattern}
