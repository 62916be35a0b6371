"""A run's lines as a table for people, as a page that is kept, and as a plot."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from construction_mcp.cli.bench.row import REFERENCE_BARE_START_S, Row

_COLUMNS = ("what", "measured", "budget", "baseline", "ratio", "held")
_BAR_PX, _LINE_PX, _TEXT_PX, _MARGIN_PX = 360, 22, 470, 30
_MOST_USED = 2.0  # a bar ends there; the number beside it says how far it would go


def table(rows: Sequence[Row], slowness: float) -> str:
    """One line each, the columns aligned; notes below their line."""
    cells = [_cells(row, slowness) for row in rows]
    widths = [max(len(line[at]) for line in [_COLUMNS, *cells]) for at in range(len(_COLUMNS))]
    lines = ["  ".join(name.ljust(width) for name, width in zip(_COLUMNS, widths, strict=True)).rstrip()]
    for row, line in zip(rows, cells, strict=True):
        lines.append("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        if row.note:
            lines.append(f"    {row.note}")
    return "\n".join(lines)


def told(machine: Mapping[str, Any], *, scaled: bool) -> str:
    """What was measured on, and what the absolute budgets were held against."""
    slowness = machine["slowness"]
    beside = f"{slowness:.2f} x the {REFERENCE_BARE_START_S:g} s of the machine the budgets were written for"
    how = (
        f"Absolute budgets of time are scaled by that: a time may be {slowness:.2f} x as long."
        if scaled
        else "Absolute budgets are compared as they are written; on a slow or busy machine trust the ratios."
    )
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}, "
        f"SQLite {machine['sqlite']}, load {machine['load_average']}\n"
        f"A bare SDK server starts here in {machine['bare_sdk_start_s']:.2f} s, {beside}.\n{how}"
    )


def page(rows: Sequence[Row], machine: Mapping[str, Any], day: str, *, scaled: bool) -> str:
    """A Markdown page of one run, to be kept in the repository."""
    slowness = machine["slowness"] if scaled else 1.0
    lines = [f"# Measured on {day}", "", told(machine, scaled=scaled).replace("\n", "  \n"), ""]
    lines += ["`construction-mcp bench` made this page. Budgets: the product contract, section 9.", ""]
    lines += [f"| {' | '.join(_COLUMNS)} | note |", f"|{'---|' * (len(_COLUMNS) + 1)}"]
    for row in rows:
        lines.append(f"| {' | '.join(_cells(row, slowness))} | {row.note} |")
    return "\n".join([*lines, "", f"![How much of each budget is used]({day}.svg)", ""])


def plot(rows: Sequence[Row], slowness: float) -> str:
    """How much of each budget is used, as bars in an SVG; the line is the budget itself."""
    shown = [(row, used) for row in rows if (used := row.used(slowness)) is not None]
    height = _LINE_PX * len(shown) + 2 * _MARGIN_PX
    width = _TEXT_PX + _BAR_PX + 90
    full = _TEXT_PX + _BAR_PX / _MOST_USED
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{full}" y="18" text-anchor="middle">the budget</text>',
    ]
    for at, (row, used) in enumerate(shown):
        top = _MARGIN_PX + at * _LINE_PX
        length = min(used, _MOST_USED) / _MOST_USED * _BAR_PX
        colour = "#2e7d32" if used <= 1 else "#c62828"
        parts += [
            f'<text x="{_TEXT_PX - 8}" y="{top + 14}" text-anchor="end">{escape(row.name)}</text>',
            f'<rect x="{_TEXT_PX}" y="{top + 3}" width="{length:.1f}" height="{_LINE_PX - 8}" fill="{colour}"/>',
            f'<text x="{_TEXT_PX + length + 5:.1f}" y="{top + 14}">{used:.2f}</text>',
        ]
    below = height - _MARGIN_PX + 6
    parts += [f'<line x1="{full}" x2="{full}" y1="24" y2="{below}" stroke="black" stroke-dasharray="4 3"/>', "</svg>"]
    return "\n".join(parts) + "\n"


def _cells(row: Row, slowness: float) -> tuple[str, ...]:
    held = row.held(slowness)
    return (
        row.name,
        _number(row.measured, row.unit) if row.measured is not None else "not measured",
        _bound(row, slowness),
        f"{row.baseline} {_number(row.baseline_value, row.unit)}" if row.baseline_value is not None else "-",
        "-" if row.ratio is None else f"{row.ratio:.2f}",
        "-" if held is None else "yes" if held else "NO",
    )


def _bound(row: Row, slowness: float) -> str:
    if row.budget is None:
        return "-"
    bound = row.budget.on(slowness)
    what = f"{bound:g} x baseline" if row.budget.of == "ratio" else _number(bound, row.unit)
    return f"{row.budget.sense} {what}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
