"""A model that was told nothing: it reads tools/list and answers, and sends what they say.

It knows no tool by name. It starts with the tool whose description says to start there, gives it the person's words,
and then makes the calls of the answer as they stand, but for a look beforehand where it was told to get the thing done.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.flows.office import Office

_FROM_BEFORE = re.compile(r"<(?P<path>[a-z_.]+) of the answer before>")


class Model:
    """Takes a person's words to a running workflow, and keeps what it sent."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.sent: list[tuple[str, Mapping[str, Any]]] = []

    async def automate(self, words: str) -> Any:
        """The last answer on the way from the words to the end."""
        listed = {one.name: one for one in (await self._office.client.list_tools()).tools}
        (start,) = (one for one in listed.values() if "Start here" in (one.description or ""))
        (needed,) = start.input_schema["required"]
        answer = await self._send(start.name, {needed: words})
        for step in [one for one in answer["steps"] if not one["arguments"].get("dry_run")]:
            assert step["tool"] in listed, f"{step['tool']} is not listed, so nobody could call it"
            answer = await self._send(step["tool"], _filled(step["arguments"], answer))
        return answer

    async def _send(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        self.sent.append((tool, arguments))
        return await self._office.call(tool, **arguments)


def _filled(arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
    """The arguments with `<path of the answer before>` replaced by what stands there."""
    result = answer.get("result", answer)

    def found(hit: "re.Match[str]") -> str:
        value: Any = result
        for name in hit["path"].split("."):
            value = value[name]
        return str(value)

    return json.loads(_FROM_BEFORE.sub(found, json.dumps(arguments)))
