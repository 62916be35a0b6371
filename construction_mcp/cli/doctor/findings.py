"""What the doctor says about one thing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "absent", "warning", "broken"]

_MARKS = {"ok": "ok", "absent": "--", "warning": "warning", "broken": "BROKEN"}
_SAID_FROM = 11


@dataclass(frozen=True, slots=True)
class Finding:
    """`absent` is a choice somebody has not made; `broken` keeps something from working. `next` is what to do."""

    section: str
    name: str
    status: Status
    said: str
    next: str | None = None

    def public(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


def as_text(findings: Sequence[Finding]) -> str:
    """One line each, under its section, with the next step below."""
    lines: list[str] = []
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines += ["", section]
        lines.append(f"  {_MARKS[finding.status]:{_SAID_FROM - 2}}{finding.name}: {finding.said}")
        lines += [f"{'':{_SAID_FROM}}next: {finding.next}"] if finding.next else []
    return "\n".join([*lines, "", _verdict(findings)]).lstrip("\n")


def _verdict(findings: Sequence[Finding]) -> str:
    broken = [finding.name for finding in findings if finding.status == "broken"]
    return f"Broken: {', '.join(broken)}." if broken else "Nothing is broken."
