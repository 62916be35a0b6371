"""One line of JSON-RPC to the SDK's message and back, strict on the way in.

Every refusal has an answer: -32700 where the text is not JSON, -32600 where the JSON is not a message, with the id
wherever one can be found. Source: JSON-RPC 2.0 section 5.1; MCP, base protocol: ids are strings or integers, not null.
"""

import json
from typing import Any

import pydantic_core
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError

from construction_mcp.core.json import depth_of
from construction_mcp.front.bounds import PREFIX_BYTES
from construction_mcp.front.frames import RequestId, error_frame, find_id, usable_id


class Refused(Exception):
    """A frame that is no message. `answer` is the line to send back."""

    def __init__(self, code: int, message: str, request_id: RequestId | None = None) -> None:
        super().__init__(message)
        self.answer = error_frame(request_id, code, message)


def decode(frame: bytes, depth_max: int) -> JSONRPCMessage:
    """The message in one line.

    Raises:
        Refused: it is not one.
    """
    try:
        message = pydantic_core.from_json(frame, allow_inf_nan=False)
    except ValueError:
        raise _diagnose(frame) from None
    if not isinstance(message, dict):
        kind = "a batch" if isinstance(message, list) else "not an object"
        raise Refused(INVALID_REQUEST, f"Invalid Request: this is {kind}; send one message a line")
    if _is_too_deep(frame, message, depth_max):
        raise Refused(INVALID_REQUEST, f"Invalid Request: nested deeper than {depth_max}", usable_id(message.get("id")))
    return _as_message(message)


def encode(message: JSONRPCMessage) -> bytes:
    """The line for one message. A text that UTF-8 cannot carry becomes an error the client can read."""
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except (ValueError, UnicodeEncodeError):  # a lone surrogate in a result
        request_id = None if isinstance(message, JSONRPCNotification) else message.id
        return error_frame(request_id, -32603, "The answer holds text that is not valid Unicode")


def _as_message(message: dict[str, Any]) -> JSONRPCMessage:
    request_id = message.get("id")
    has_id = "id" in message
    if message.get("jsonrpc") != "2.0":
        raise Refused(INVALID_REQUEST, 'Invalid Request: jsonrpc must be "2.0"', usable_id(request_id))
    if "method" not in message:
        return _as_answer(message)
    method, params = message["method"], message.get("params")
    if not isinstance(method, str):
        raise Refused(INVALID_REQUEST, "Invalid Request: method must be a string", usable_id(request_id))
    if not (params is None or isinstance(params, dict)):
        raise Refused(INVALID_REQUEST, "Invalid Request: params must be an object", usable_id(request_id))
    known = {"params": params} if "params" in message else {}
    if not has_id:
        return JSONRPCNotification(jsonrpc="2.0", method=method, **known)
    usable = usable_id(request_id)
    if usable is None:
        raise Refused(INVALID_REQUEST, "Invalid Request: id must be a string or an integer")
    return JSONRPCRequest(jsonrpc="2.0", id=usable, method=method, **known)


def _as_answer(message: dict[str, Any]) -> JSONRPCMessage:
    """An answer to a question of ours. A broken one names our id, which means nothing in an error to the client."""
    try:
        if isinstance(message.get("result"), dict) and "error" not in message:
            return JSONRPCResponse(jsonrpc="2.0", id=message["id"], result=message["result"])
        if "result" not in message and isinstance(message.get("error"), dict):
            return JSONRPCError(jsonrpc="2.0", id=message["id"], error=ErrorData.model_validate(message["error"]))
    except (KeyError, ValidationError):
        pass
    is_answer = "result" in message or "error" in message
    request_id = None if is_answer else usable_id(message.get("id"))
    raise Refused(INVALID_REQUEST, "Invalid Request: neither a request nor an answer", request_id)


def _is_too_deep(frame: bytes, message: object, depth_max: int) -> bool:
    # Counting brackets is a hundred times cheaper than walking, and settles nearly every frame.
    return frame.count(b"{") + frame.count(b"[") > depth_max and depth_of(message, depth_max + 1) > depth_max


def _diagnose(frame: bytes) -> Refused:
    """Not readable by the strict parser: is it no JSON at all, or JSON we refuse (too deep, half a surrogate pair)?"""
    try:
        message = json.loads(frame.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        return Refused(
            INVALID_REQUEST, "Invalid Request: nested too deep", find_id(frame[:PREFIX_BYTES], frame[-PREFIX_BYTES:])
        )
    except ValueError:
        return Refused(PARSE_ERROR, "Parse error: this line is not valid JSON in UTF-8")
    request_id = usable_id(message.get("id")) if isinstance(message, dict) else None
    return Refused(INVALID_REQUEST, "Invalid Request: nested too deep, or text that is not Unicode", request_id)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
