"""Request bodies: JSON, form or multipart, as Procore takes them; forms nest Rails-style (`rfi[subject]`)."""

import json
import re
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from construction_mcp.simulator.answers import Refused

_KEY = re.compile(r"\[([^\]]*)\]")


async def read_body(request: Request) -> Any:
    """The parsed body, {} when there is none.

    Raises:
        Refused: 400 for malformed JSON or a missing content type (FACTS 1.3), 406 for any other content type.
    """
    raw = await request.body()
    if not raw:
        return {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        try:
            return json.loads(raw)
        except ValueError:
            raise Refused(400, "There was a problem in the JSON you submitted.") from None
    if content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return await _read_form(request)
    if not content_type:
        raise Refused(400, "The Content-Type header is missing.")
    raise Refused(406, f"Content type {content_type} is not supported.")


async def _read_form(request: Request) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    try:
        async with request.form() as form:
            for key, value in form.multi_items():
                stored: Any = value
                if isinstance(value, UploadFile):
                    content = await value.read()
                    stored = {"filename": value.filename or "file", "size": len(content), "content": content}
                _set_nested(nested, key, stored)
    except MultiPartException:
        raise Refused(400, "The multipart body is malformed.") from None
    return nested


def _set_nested(target: dict[str, Any], key: str, value: Any) -> None:
    name, brackets = key.partition("[")[0], _KEY.findall(key)
    at: Any = target
    for step, following in zip([name, *brackets], [*brackets, None], strict=True):
        if following is None:
            at[step] = value
        elif following == "":
            at.setdefault(step, []).append(value)
            return
        else:
            at = at.setdefault(step, {})
