"""Any other documented call of Procore's REST API. Performed by `procore/client.py`."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from construction_mcp.actions.action import ActionType, Config, Consent, Setting, Written
from construction_mcp.actions.performing import Act, Context, Output
from construction_mcp.actions.schemas import answer_of
from construction_mcp.actions.written import is_settled
from construction_mcp.core.errors import Invalid
from construction_mcp.procore import paths
from construction_mcp.procore.client import Request as Sent
from construction_mcp.procore.responses import Answer


def _path(value: str) -> str:
    try:
        return paths.checked(value)
    except Invalid as error:
        raise ValueError(f"{error.message} {error.hint}") from None


class Request(Config):
    """One call."""

    method: Annotated[Literal["GET", "POST", "PATCH", "PUT", "DELETE"], Field(description="GET reads, others write")]
    path: Annotated[
        str,
        Field(min_length=1, max_length=1000, description="Documented path: /rest/v1.0/projects/7/rfis"),
        AfterValidator(_path),
    ]
    query: Annotated[
        dict[str, Any] | None, Field(description="Query as an object; filters nest below the key filters")
    ] = None
    body: Annotated[
        dict[str, Any] | list[Any] | None, Field(description="JSON body of a write, with its wrapper key")
    ] = None

    @model_validator(mode="after")
    def _reads_without_body(self) -> Self:
        if self.method == "GET" and self.body is not None:
            raise ValueError("a GET has no body; put filters into query")
        return self


def _reads(written: Written) -> bool:
    return written.get("method") == "GET"


def _call(written: Written) -> str:
    """Method and path; what a template decides may be anything."""
    method, path = (_fixed(written.get(name), name) for name in ("method", "path"))
    return f"{method} {path}"


def _fixed(value: Any, name: str) -> str:
    return value if isinstance(value, str) and is_settled(value) else f"any {name}"


def _consents(written: Written, _setting: Setting) -> list[Consent]:
    return [] if _reads(written) else [Consent("procore", f"request {_call(written)}")]


async def _perform(config: Request, context: Context) -> Output | Act:
    """The answer as Procore gave it. A write has no look: what it would have to be found by, only its author knows."""
    procore = await context.procore()
    if config.method == "GET":
        return _answer(await procore.client.get(procore.connection, config.path, config.query, fresh=True))

    async def send() -> Output:
        request = Sent(procore.connection, config.method, config.path, dict(config.query or {}), config.body)
        return _answer(await procore.client.write(request))

    shown = {name: value for name, value in config.model_dump(mode="json").items() if value is not None}
    return Act(
        summary=f"{config.method} {config.path} in Procore",
        shown=shown,
        perform=send,
        preview={"status": 0, "headers": {}, "body": None},
        targets=(f"procore:{config.path}",),
        touches=(("procore", f"request {config.method} {config.path}"),),
    )


def _answer(answer: Answer) -> Output:
    return {"status": answer.status, "headers": dict(answer.headers), "body": answer.data}


TYPES = (
    ActionType(
        "procore.request",
        Request,
        effect="write",
        doc="Call one documented Procore REST operation that no other action covers, and give its answer.",
        output=answer_of(),
        words=lambda written, _setting: f"send {_call(written)} to Procore",
        consents=_consents,
        requests=lambda _written, _setting: 1,
        only_reads=_reads,
        perform=_perform,
    ),
)
