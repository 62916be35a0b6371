"""What the static answers depend on besides this package: the SDK's version and toolsets that others installed.

Read from the names of the metadata folders, because importlib.metadata costs 30 ms.
"""

import os
import sys
from typing import NamedTuple

GROUP = "[construction_mcp.toolsets]"
OURS = ("construction_mcp", "construction-mcp")


class Installed(NamedTuple):
    """`sdk` is "" when it is not found; `toolsets` names each foreign distribution and what it registers."""

    sdk: str
    toolsets: tuple[str, ...]


def look_around(path: list[str] | None = None) -> Installed:
    """Scan the import path's folders; what cannot be read there cannot be imported from there either."""
    sdk, toolsets, seen = "", [], set()
    for folder in sys.path if path is None else path:
        for name in _metadata_folders(folder or "."):
            distribution, _, rest = name.partition("-")
            if distribution.lower() in seen:
                continue  # the first on the path wins, as for importlib
            seen.add(distribution.lower())
            if distribution == "mcp":
                sdk = rest.removesuffix(".dist-info")
            elif not name.startswith(OURS):
                text = _entry_points(os.path.join(folder or ".", name))
                if GROUP in text:
                    toolsets.append(f"{name}:{_section(text)}")
    return Installed(sdk, tuple(sorted(toolsets)))


def _metadata_folders(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return []


def _entry_points(metadata: str) -> str:
    try:
        with open(os.path.join(metadata, "entry_points.txt"), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def _section(text: str) -> str:
    after = text.split(GROUP, 1)[1].split("\n[", 1)[0]
    return ",".join(line.strip() for line in after.splitlines() if line.strip())
