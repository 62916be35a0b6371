"""The addresses below `/dashboard`: who asks, what is read for them, which page it becomes."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import ConstructionError, Invalid, NotFound, NotPermitted
from construction_mcp.core.types import Principal
from construction_mcp.engine.approvals import Approvals, Said, hindrance, may_decide
from construction_mcp.insight.executions import shown, timeline
from construction_mcp.insight.following import following
from construction_mcp.insight.stuck import explain
from construction_mcp.procore.limiter import Limiters
from construction_mcp.server.approval_form import edits_of, read_form
from construction_mcp.server.auth import Identify
from construction_mcp.server.dashboard.layout import HEADERS, PATH, Frame, page
from construction_mcp.server.dashboard.live import LiveStream, News
from construction_mcp.server.dashboard.login import Entrance, require_key
from construction_mcp.server.dashboard.markup import Html
from construction_mcp.server.dashboard.problems import problem
from construction_mcp.server.dashboard.session import Links, Sessions, Visit
from construction_mcp.server.dashboard.views.approvals import Question, inbox_page, question_page
from construction_mcp.server.dashboard.views.overview import Glance, overview_page
from construction_mcp.server.dashboard.views.runs import RunFilter, run_page, runs_page
from construction_mcp.server.dashboard.views.workflows import workflow_page, workflows_page
from construction_mcp.server.icon import SVG
from construction_mcp.store import overview as store
from construction_mcp.store.approvals import Answer, Approval
from construction_mcp.store.columns import time_text
from construction_mcp.store.database import Database
from construction_mcp.store.evidence import of_open
from construction_mcp.store.execution_reads import STATUSES, ExecutionReads, Filters
from construction_mcp.store.versions import Versions

_TEXT_CHARS_MAX = 200  # of a search, an id or a position in an address; longer is nobody's
_ASSETS: Final = {
    "dashboard.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

Shown = tuple[str, Html]
"""A title and the content below it."""

View = Callable[[Request, Visit], Awaitable[Shown]]


def dashboard_routes(house: House, identify: Identify, links: Links | None) -> list[BaseRoute]:
    """Everything below `/dashboard`. links: what `serve` prints; None with `--no-auth`, where everybody is let in."""
    limits = house.settings.limits
    entrance = Entrance(Sessions(identify, house.clock, limits), links, house.settings)
    news = News()
    house.changes.attach(news)
    pages = Pages(house, entrance, news)
    return [
        *entrance.routes(),
        *(Route(f"{PATH}/{name}", _asset(name, kind), methods=["GET"]) for name, kind in _ASSETS.items()),
        Route(f"{PATH}/live", LiveStream(news, entrance, house.clock, limits)),
        *pages.routes(),
    ]


class Pages:
    """The pages of whoever is signed in."""

    def __init__(self, house: House, entrance: Entrance, news: News) -> None:
        self._house = house
        self._entrance = entrance
        self._news = news
        self._limits = house.settings.limits

    def routes(self) -> list[Route]:
        """Reading by GET; the one POST decides an approval."""
        views: dict[str, View] = {
            "": self._overview,
            "/workflows": self._workflows,
            "/workflows/{id}": self._workflow,
            "/runs": self._runs,
            "/runs/{id}": self._run,
            "/approvals": self._inbox,
            "/approvals/{id}": self._question,
        }
        shown = [Route(PATH + path, self._page(view), methods=["GET"]) for path, view in views.items()]
        return [*shown, Route(f"{PATH}/approvals/{{id}}", self._page(self._decide), methods=["POST"])]

    def _page(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        """A view for whoever is signed in; a failure becomes a page with our own words and the status that fits."""

        async def shown(request: Request) -> Response:
            visit = await self._entrance.visit(request)
            if visit is None:
                return self._entrance.to_login(request)
            status = 200
            try:
                title, content = await view(request, visit)
            except ConstructionError as error:
                title, content, status = problem(error)
            frame = await self._frame(visit)
            return page(title, content, frame=frame, here=_section(request.url.path), status=status)

        return shown

    async def _frame(self, visit: Visit) -> Frame:
        approvals = await self._house.services.get(Approvals)
        mine = await approvals.pending_for(visit.principal, self._limits.dashboard_asked_max)
        who = visit.principal.name or visit.principal.id
        return Frame(self._house.settings.environment, who, visit.principal.role.value, len(mine), visit.key("logout"))

    async def _overview(self, _request: Request, visit: Visit) -> Shown:
        now, rows = self._house.clock.now(), self._limits.dashboard_rows
        database, limiters = await self._house.services.get(Database), await self._house.services.get(Limiters)
        bounds = {"workflows": rows, "rows": rows // 2, "broken": rows * 2, "pending": self._limits.dashboard_asked_max}
        found = await database.read(lambda tx: store.overview(tx, now, **bounds))
        mine = [one for one in found.pending if one.expires_at > now and may_decide(one, visit.principal)]
        glance = Glance(found, explain(found.open, now), mine, limiters.windows())
        return "Overview", overview_page(glance, now)

    async def _workflows(self, request: Request, _visit: Visit) -> Shown:
        text, after = _text(request, "q"), _position(request, "at", "after")
        database = await self._house.services.get(Database)
        found = await database.read(lambda tx: store.pulses(tx, self._limits.dashboard_rows, text=text, after=after))
        return "Workflows", workflows_page(found, text, self._house.clock.now())

    async def _workflow(self, request: Request, _visit: Visit) -> Shown:
        now, workflow_id = self._house.clock.now(), _id(request)
        versions, reads = await self._house.services.get(Versions), await self._house.services.get(ExecutionReads)
        database = await self._house.services.get(Database)
        status = await versions.status(workflow_id)
        beats = [
            store.Beat(one.status, one.started_at, one.duration_ms)
            for one in await reads.page(Filters(workflow_id=workflow_id, mode="live"), most=store.BEATS)
        ]
        runs = await reads.page(Filters(workflow_id=workflow_id), most=self._limits.dashboard_rows // 2)
        found = await database.read(lambda tx: of_open(tx, now, self._limits.dashboard_rows, workflow_id))
        return status.name, workflow_page(status, beats[::-1], explain(found, now), runs, now)

    async def _runs(self, request: Request, _visit: Visit) -> Shown:
        only = RunFilter(_text(request, "status"), _text(request, "workflow"))
        if only.status not in ("", *STATUSES):
            raise Invalid(f"A run cannot be {only.status!r}.", hint=f"It can be {', '.join(STATUSES)}.")
        reads, most = await self._house.services.get(ExecutionReads), self._limits.dashboard_rows
        filters = Filters(workflow_id=only.workflow_id or None, status=only.status or None)
        found = await reads.page(filters, most=most + 1, before=_position(request, "at", "before"))
        database = await self._house.services.get(Database)
        ids = [*(one.workflow_id for one in found), *filter(None, [only.workflow_id])]
        names = await database.read(lambda tx: store.names(tx, ids))
        last = found[most - 1] if len(found) > most else None
        more = None if last is None else (time_text(last.started_at), last.id)
        return "Runs", runs_page(found[:most], names, only, more, self._house.clock.now())

    async def _run(self, request: Request, _visit: Visit) -> Shown:
        reads, database = await self._house.services.get(ExecutionReads), await self._house.services.get(Database)
        whole = await reads.whole(_id(request))
        names = await database.read(lambda tx: store.names(tx, [whole.workflow_id]))
        name = names.get(whole.workflow_id, whole.workflow_id)
        return name, run_page(shown(whole, outputs=False), timeline(whole), name, self._house.clock.now())

    async def _inbox(self, _request: Request, visit: Visit) -> Shown:
        now, most = self._house.clock.now(), self._limits.dashboard_asked_max
        approvals, database = await self._house.services.get(Approvals), await self._house.services.get(Database)
        latest = await approvals.page(None, self._limits.dashboard_rows * 2)
        pending = _seen_by(
            visit.principal, [one for one in await approvals.page("pending", most) if one.expires_at > now]
        )
        mine = [one for one in pending if may_decide(one, visit.principal)]
        others = [one for one in pending if one not in mine]
        ended = [one for one in _seen_by(visit.principal, latest) if one.status != "pending"][
            : self._limits.dashboard_rows
        ]
        origins = await database.read(lambda tx: store.origins(tx, [*pending, *ended]))
        return "Approvals", inbox_page(mine, others, ended, origins, now)

    async def _question(self, request: Request, visit: Visit) -> Shown:
        approvals = await self._house.services.get(Approvals)
        approval = await approvals.get(_id(request))
        if not _seen_by(visit.principal, [approval]):
            raise NotFound("No such approval.", code="APPROVAL_NOT_FOUND")  # as for one that never was
        return await self._about(approval, visit)

    async def _about(self, approval: Approval, visit: Visit) -> Shown:
        database = await self._house.services.get(Database)
        origins = await database.read(lambda tx: store.origins(tx, [approval]))
        plan, asked_by = None, approval.execution_id
        if asked_by is not None:
            plan = await database.read(lambda tx: store.plan_of(tx, asked_by))
        behind = following(plan, approval.step) if plan is not None and approval.step is not None else []
        stops = "This server is read-only." if self._house.settings.read_only else hindrance(approval, visit.principal)
        key = visit.key("decide", approval.id, approval.digest)
        question = Question(approval, origins.get(asked_by or ""), behind, key, stops)
        return approval.summary, question_page(question, self._house.clock.now())

    async def _decide(self, request: Request, visit: Visit) -> Shown:
        """What was pressed, for exactly what the page showed: its key is bound to that digest."""
        approvals, approval_id = await self._house.services.get(Approvals), _id(request)
        given = await read_form(request)
        digest, pressed = given.get("digest", ""), given.get("decision", "")
        require_key(request, visit, given.get("key", ""), "decide", approval_id, digest)
        if self._house.settings.read_only:
            raise NotPermitted("This server is read-only.")
        await self._house.require_live()
        if pressed not in ("approve", "reject"):
            raise Invalid("Neither Approve nor Reject was pressed.")
        approval = await approvals.get(approval_id)
        answer: Answer = "approve" if pressed == "approve" else "reject"
        edits = edits_of(approval, given) if answer == "approve" else {}
        said = Said(approval_id, digest, answer, edits, given.get("comment", "").strip() or None)
        decided = await approvals.decide(said, visit.principal, "dashboard")
        self._news.ring()
        return await self._about(decided, visit)


def _seen_by(principal: Principal, asked: Sequence[Approval]) -> list[Approval]:
    """Those of workflows, which are everybody's; a call of a tool is between its caller and who decides it."""
    return [
        one
        for one in asked
        if one.execution_id is not None or one.requested_by == principal.id or may_decide(one, principal)
    ]


def _asset(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = SVG.encode() if name == "icon.svg" else files(__package__).joinpath("assets", name).read_bytes()
    headers = {**HEADERS, "cache-control": "public, max-age=86400", "content-type": kind}

    async def give(_: Request) -> Response:
        return Response(content, headers=headers)

    return give


def _section(path: str) -> str:
    """The address in the menu that a page belongs to."""
    return "/".join(path.split("/")[:3])


def _id(request: Request) -> str:
    return str(request.path_params["id"])[:_TEXT_CHARS_MAX]


def _text(request: Request, name: str) -> str:
    values = request.query_params.getlist(name)
    return values[0][:_TEXT_CHARS_MAX].strip() if len(values) == 1 else ""


def _position(request: Request, at: str, last: str) -> tuple[str, str] | None:
    """Where a list continues. It is compared as text, so a made-up one only shows another part of the same list."""
    moment, last_id = _text(request, at), _text(request, last)
    return (moment, last_id) if moment and last_id else None
