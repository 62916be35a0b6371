"""Any other documented call of Procore's REST API.

One tool for reads and writes: a GET describes itself as an effect that changes nothing, which the gate lets through,
and anything else passes it like every change. A read-only server does not offer the tool at all: there a tool's kind
decides what may be called, before any argument of a model is looked at.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.json import write_json
from construction_mcp.core.toolset import tool
from construction_mcp.procore import paths
from construction_mcp.procore.access import Procore
from construction_mcp.procore.responses import Answer, rows_of
from construction_mcp.toolsets.procore.shapes import ApiAnswer

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

_ROWS_ASKED = 3  # raw rows are long: 1.6 kB for an RFI; `per_page` in the query asks for more


@tool(effect="outside", open_world=True, destructive=True, title="Call the Procore API")
async def call_procore_api(
    method: Annotated[Method, "GET reads at once; the others are previewed and confirmed"],
    path: Annotated[str, Field(min_length=1, max_length=1000), "Documented path: /rest/v1.0/projects/7/rfis"],
    query: Annotated[dict[str, Any] | None, "Query as an object; filters nest below the key filters"] = None,
    body: Annotated[dict[str, Any] | list[Any] | None, "JSON body of a write, with its wrapper key"] = None,
    company_id: Annotated[int | None, Field(ge=1), "Company id; the default company otherwise"] = None,
    *,
    procore: Procore,
) -> Effect[ApiAnswer]:
    """Call one documented Procore REST operation that no other tool covers, and return its record or one page of rows.

    Prefer the specific tools: they are shorter and safer. Lists give 3 rows unless query has per_page.
    """
    paths.checked(path)
    target = (f"procore:{path}",)
    if method == "GET":
        if body is not None:
            raise Invalid("A GET has no body; put filters into query.", details={"field": "body"})
        asked = {"per_page": _ROWS_ASKED, **(query or {})}

        async def read() -> ApiAnswer:
            return _bounded(await procore.page(path, asked, company=company_id), procore.limits.api_answer_bytes_max)

        return Effect(f"Read {path}", {}, read, target, is_read=True)

    async def write() -> ApiAnswer:
        data = await procore.write(method, path, body, query=query, company=company_id)
        return _of_write(data, procore.limits.api_answer_bytes_max)

    shown = {"method": method, "path": path, "query": query, "body": body, "company_id": company_id}
    before = await _before(procore, method, path, query, body, company_id)
    told = {name: value for name, value in {**shown, "before": before}.items() if value is not None}
    return Effect(f"{method} {path} in Procore", told, write, target)


async def _before(
    procore: Procore, method: Method, path: str, query: Mapping[str, Any] | None, body: Any, company_id: int | None
) -> dict[str, Any] | None:
    """What the fields that a change names hold now, so that a person sees from what to what; None if unknown."""
    if method not in ("PATCH", "PUT") or not isinstance(body, Mapping):
        return None
    try:
        present = await procore.get(path, query, company=company_id)
    except ConstructionError:
        return None  # many records cannot be read where they are written; the change itself may still be right
    if not isinstance(present, Mapping):
        return None
    values = {name: value for inner in body.values() if isinstance(inner, Mapping) for name, value in inner.items()}
    named = {**body, **values}
    return {name: present[name] for name in named if name in present} or None


def _of_write(data: Any, bytes_max: int) -> ApiAnswer:
    """What a write was answered. It has happened, so a record too large to show is named by its id, and is no error."""
    try:
        return _bounded(Answer(200, data), bytes_max)
    except Invalid:
        return ApiAnswer(item={"id": data.get("id")} if isinstance(data, dict) else {}, truncated=True)


def _bounded(answer: Answer, bytes_max: int) -> ApiAnswer:
    """The answer within `bytes_max`: rows are left out from the end.

    Raises:
        Invalid: VALIDATION_TOO_LARGE, a single record is larger than that.
    """
    if isinstance(answer.data, list) or (rows_of(answer.data) and answer.total is not None):
        return _bounded_rows(answer, bytes_max)
    item = answer.data if isinstance(answer.data, dict) else {"value": answer.data} if answer.data is not None else {}
    if _size(item) > bytes_max:
        raise Invalid(
            f"The record is larger than {bytes_max} bytes.",
            code="VALIDATION_TOO_LARGE",
            hint="Ask for a smaller view (query view=compact), or use a specific tool.",
            details={"keys": sorted(item)[:50]},
        )
    return ApiAnswer(item=item)


def _bounded_rows(answer: Answer, bytes_max: int) -> ApiAnswer:
    rows, kept, left = rows_of(answer.data), [], bytes_max
    for row in rows:
        left -= _size(row)
        if left < 0:
            break
        kept.append(row)
    return ApiAnswer(items=kept, total=answer.total, truncated=len(kept) < len(rows) or None)


def _size(value: Any) -> int:
    return len(write_json(value).encode()) + 1
