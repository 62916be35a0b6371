"""Pictures drawn as inline SVG, each with the words that say the same. Colours come from classes, never from here."""

import math
from collections.abc import Sequence
from datetime import datetime

from construction_mcp.server.dashboard.markup import Html, el
from construction_mcp.server.dashboard.words import TONES, counted, duration
from construction_mcp.store.overview import BEATS, Beat

_BAR, _GAP, _HEIGHT = 4, 2, 24
_LOW = 5  # of a bar: the shortest run is still seen
LONG_MS = 600_000.0  # runs as long as this are drawn full; longer ones are mostly a person's time


def sparkline(beats: Sequence[Beat], name: str) -> Html:
    """The latest runs from left to right: higher took longer (in powers of ten), failed ones carry a dot below."""
    width = BEATS * (_BAR + _GAP) - _GAP
    if not beats:
        return el("span", "no runs yet", class_="muted")
    first = BEATS - len(beats)
    bars = [_beat(beat, (first + place) * (_BAR + _GAP)) for place, beat in enumerate(beats)]
    return el(
        "svg",
        el("rect", x=0, y=_HEIGHT, width=width, height=1, class_="track"),
        bars,
        class_="spark",
        viewBox=f"0 0 {width} {_HEIGHT + 6}",
        width=width,
        height=_HEIGHT + 6,
        role="img",
        aria_label=f"{name}: {told(beats)}",
    )


def told(beats: Sequence[Beat]) -> str:
    """What a sparkline shows, in words."""
    parts = [counted(len(beats), "latest run")]
    for status in ("completed", "failed", "needs_review", "cancelled", "waiting", "running", "queued"):
        many = sum(1 for beat in beats if beat.status == status)
        if many:
            parts.append(f"{many} {status.replace('_', ' ')}")
    return ", ".join(parts)


def _beat(beat: Beat, x: int) -> Html:
    tone = TONES.get(beat.status, "calm")
    height = _LOW + (_HEIGHT - _LOW) * _share(beat.duration_ms)
    bar = el("rect", x=x, y=round(_HEIGHT - height, 1), width=_BAR, height=round(height, 1), rx=1, class_=tone)
    if tone != "bad":
        return bar
    return el("g", bar, el("circle", cx=x + _BAR / 2, cy=_HEIGHT + 4, r=2, class_=tone))


def _share(ms: float | None) -> float:
    if ms is None or ms <= 1:
        return 0.0
    return min(1.0, math.log10(ms) / math.log10(LONG_MS))


def gauge(left: int, limit: int, name: str) -> Html:
    """What is left of a window as a bar that empties."""
    share = left / limit if limit else 0.0
    tone = "bad" if share < 0.1 else "wait" if share < 0.3 else "good"
    return el(
        "svg",
        el("rect", x=0, y=0, width=100, height=6, class_="track"),
        el("rect", x=0, y=0, width=round(100 * share, 1), height=6, class_=tone) if left else None,
        class_="gauge",
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{name}: {left:,} of {limit:,} requests left",
    )


def span_bar(began: datetime, ended: datetime, start: datetime, end: datetime, status: str) -> Html:
    """Where a step lies in its execution, as a bar over the whole width."""
    whole = max((end - start).total_seconds(), 0.001)
    left = _within((began - start).total_seconds() / whole)
    width = max(_within((ended - start).total_seconds() / whole) - left, 0.008)
    left = min(left, 1 - width)
    lasted = (ended - began).total_seconds() * 1000
    return el(
        "svg",
        el("rect", x=0, y=5, width=1000, height=2, class_="track"),
        el(
            "rect",
            x=round(1000 * left),
            y=0,
            width=round(1000 * width),
            height=12,
            rx=3,
            class_=TONES.get(status, "calm"),
        ),
        class_="span",
        viewBox="0 0 1000 12",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"began {duration((began - start).total_seconds() * 1000)} in, lasted {duration(lasted)}",
    )


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0)
