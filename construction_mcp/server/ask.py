"""Elicitation in both protocol eras behind one `Ask`."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from construction_mcp.core.errors import Invalid
from construction_mcp.core.ports import Answer, InputNeeded


class ClientAsk:
    """`Ask` for one request.

    Up to 2025-11-25 the question is an `elicitation/create` request sent while the call waits. From 2026-07-28 there
    are none: the call ends with an `InputRequiredResult` and runs again with the answer in its parameters.
    """

    def __init__(self, ctx: ServerRequestContext[Any, Any], params: types.InputResponseRequestParams) -> None:
        self._ctx = ctx
        self._answers: Mapping[str, Any] = params.input_responses or {}
        self._modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        self.state = params.request_state

    @property
    def can_form(self) -> bool:
        """A bare `elicitation: {}` is the form of the time before modes existed."""
        able = self._capability
        return able is not None and (able.form is not None or able.url is None)

    @property
    def can_url(self) -> bool:
        able = self._capability
        return able is not None and able.url is not None

    async def form(self, key: str, message: str, schema: Mapping[str, Any], *, state: str | None = None) -> Answer:
        params = types.ElicitRequestFormParams(message=message, requested_schema=dict(schema))
        return await self._ask(key, params, state)

    async def url(self, key: str, message: str, url: str, *, state: str | None = None) -> Answer:
        legacy_id = None if self._modern else uuid4().hex
        params = types.ElicitRequestURLParams(message=message, url=url, elicitation_id=legacy_id)
        return await self._ask(key, params, state)

    @property
    def _capability(self) -> types.ElicitationCapability | None:
        declared = self._ctx.session.client_capabilities
        if declared is None or not (self._modern or self._ctx.session.can_send_request):
            return None
        return declared.elicitation

    async def _ask(
        self, key: str, params: types.ElicitRequestFormParams | types.ElicitRequestURLParams, state: str | None
    ) -> Answer:
        request = types.ElicitRequest(params=params)
        if not self._modern:
            # On HTTP the question must ride the call's own stream: the other one opens only if the client cares to.
            ours = ServerMessageMetadata(related_request_id=self._ctx.request_id)
            return _answer(await self._ctx.session.send_request(request, types.ElicitResult, metadata=ours))
        # An answer without the state that its question went out with is to a question nobody was asked.
        if key not in self._answers or (state is not None and self.state is None):
            raise InputNeeded({key: request}, state)
        try:
            return _answer(types.ElicitResult.model_validate(self._answers[key], from_attributes=True))
        except ValueError:
            raise Invalid("The answer to the question has the wrong form.", details={"question": key}) from None


def _answer(result: types.ElicitResult) -> Answer:
    return Answer(result.action, result.content if result.action == "accept" else None)
