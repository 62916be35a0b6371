"""The first page: what runs, what waits and for what, what broke and what mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.insight.stuck import Stuck
from construction_mcp.procore.limiter import Allowance
from construction_mcp.server.dashboard.charts import gauge
from construction_mcp.server.dashboard.layout import PATH, quiet, region, said
from construction_mcp.server.dashboard.markup import Html, el, joined
from construction_mcp.server.dashboard.views.approvals import inbox_entry
from construction_mcp.server.dashboard.views.workflows import pulse_table
from construction_mcp.server.dashboard.words import chip, counted, when
from construction_mcp.store.approvals import Approval
from construction_mcp.store.overview import Broken, Overview

_APPROVALS_SHOWN = 5
_ERRORS_SHOWN = 6  # kinds of them
_WINDOW_NAMES = {3600.0: "This hour", 10.0: "These 10 seconds"}


@dataclass(frozen=True, slots=True)
class Glance:
    """What the first page shows. mine: the approvals that its reader may decide; windows: of Procore's quota."""

    found: Overview
    stuck: Sequence[Stuck]
    mine: Sequence[Approval]
    windows: Sequence[Allowance]


def overview_page(glance: Glance, now: datetime) -> Html:
    """The whole of it."""
    found = glance.found
    left = (
        region("workflows", _workflows(found, now), label="Workflows", class_="card"),
        region("waiting", _waiting(glance, now), label="What is under way, and what it waits for", class_="card"),
    )
    right = (
        region("asked", _asked(glance, now), label="Approvals for you", class_="card"),
        region("broken", _broken(found.broken, now), label="Recent errors", class_="card"),
        region("quota", _quota(glance.windows), label="Procore quota", class_="card"),
    )
    columns = el("div", el("div", *left, class_="stack"), el("div", *right, class_="stack"), class_="columns")
    return joined(el("h1", "Overview", class_="unseen"), _tiles(glance, now), columns)


def _tiles(glance: Glance, now: datetime) -> Html:
    counts, standings, queue = glance.found.counts, glance.found.standings, glance.found.queue
    stopped = standings.get("error", 0)
    review = counts.get("needs_review", 0)
    oldest = joined(" · first ", when(queue.oldest_at, now)) if queue.oldest_at else None
    tiles = (
        _tile("active workflows", standings.get("active", 0)),
        _tile("stopped by failures", stopped, "bad" if stopped else None),
        _tile("running", counts.get("running", 0)),
        _tile("waiting", counts.get("waiting", 0)),
        _tile(joined("in the queue", oldest), queue.length),
        _tile("need a person's look", review, "bad" if review else None),
    )
    return region("tiles", *tiles, tag="dl", class_="tiles")


def _tile(name: Html | str, many: int, tone: str | None = None) -> Html:
    return el("div", el("dt", name), el("dd", f"{many:,}", class_=tone if many else "zero"))


def _workflows(found: Overview, now: datetime) -> Html:
    if not found.pulses.items:
        return quiet("No workflow yet. Say to your assistant what should happen and when.")
    total = sum(found.standings.values())
    more = total - len(found.pulses.items)
    rest = el("p", el("a", f"All {total:,} workflows", href=f"{PATH}/workflows"), class_="more") if more > 0 else None
    return joined(pulse_table(found.pulses.items, now), rest)


def _waiting(glance: Glance, now: datetime) -> Html:
    if not glance.stuck:
        return quiet("Nothing: every run has ended.")
    return el("ul", [_stuck(one, glance.found.names, now) for one in glance.stuck], class_="entries")


def _stuck(one: Stuck, names: Mapping[str, str], now: datetime) -> Html:
    verb = " Closes " if one.reason == "person" else " Goes on "
    moves = joined(verb, when(one.moves_at, now), ".") if one.moves_at and one.moves_at > now else None
    return el(
        "li",
        el(
            "div",
            el(
                "span",
                el("a", said(names.get(one.workflow_id, one.workflow_id)), href=f"{PATH}/runs/{one.execution_id}"),
            ),
            el("span", chip(one.status), " ", el("span", "since ", when(one.started_at, now), class_="muted small")),
            class_="line",
        ),
        el("p", said(one.explanation), moves, class_="small"),
    )


def _asked(glance: Glance, now: datetime) -> Html:
    if not glance.mine:
        others = len(glance.found.pending)
        return quiet(f"None. {counted(others, 'approval')} of other people wait." if others else "None.")
    entries = [inbox_entry(one, glance.found.origins, now) for one in glance.mine[:_APPROVALS_SHOWN]]
    more = len(glance.mine) - len(entries)
    rest = el("p", el("a", f"{more} more", href=f"{PATH}/approvals"), class_="more") if more > 0 else None
    return joined(el("ul", entries, class_="entries"), rest)


def _broken(broken: Sequence[Broken], now: datetime) -> Html:
    if not broken:
        return quiet("None is kept.")
    kinds: dict[tuple[str, str | None, str], list[Broken]] = {}
    for one in broken:  # newest first: a kind stands where its latest stands
        kinds.setdefault((one.workflow_id, one.step, _code(one)), []).append(one)
    return el("ul", [_failures(ones, now) for ones in list(kinds.values())[:_ERRORS_SHOWN]], class_="entries")


def _failures(ones: Sequence[Broken], now: datetime) -> Html:
    """Those that failed alike are told once, by the latest."""
    one, code = ones[0], _code(ones[0])
    often = f"{len(ones)} times, last " if len(ones) > 1 else None
    step = (" at ", el("code", one.step)) if one.step else None
    return el(
        "li",
        el(
            "div",
            el("a", said(one.workflow_name), href=f"{PATH}/runs/{one.execution_id}"),
            el("span", often, when(one.at, now), class_="muted small"),
            class_="line",
        ),
        el("p", el("code", code), step, class_="small"),
        el("p", said(str(one.error.get("message", ""))), class_="small"),
        fix_of(code),
    )


def _code(one: Broken) -> str:
    return str(one.error.get("code", ""))


def fix_of(code: str) -> Html | None:
    """What the catalogue says to do about an error."""
    entry = CATALOGUE.get(code)
    return el("p", el("strong", "Fix: "), entry.remedy, class_="small") if entry else None


def _quota(windows: Sequence[Allowance]) -> Html:
    if not windows:
        return quiet("Nothing was asked of Procore since the start.")
    return el("ul", [_window(one) for one in windows], class_="quota")


def _window(one: Allowance) -> Html:
    name = _WINDOW_NAMES.get(one.window_s, f"{one.window_s:.0f} seconds")
    waiting = el("p", counted(one.waiting, "request"), " wait for their turn", class_="small") if one.waiting else None
    return el(
        "li",
        el(
            "div",
            el("span", name),
            el("span", f"{one.left:,} of {one.limit:,} left", class_="muted"),
            class_="line small",
        ),
        gauge(one.left, one.limit, name),
        waiting,
    )
