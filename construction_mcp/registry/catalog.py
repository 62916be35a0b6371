"""Finds every toolset and reads its manifest; imports none of them.

Toolsets are the folders of `construction_mcp/toolsets/` and the packages that declare an entry point in group
`construction_mcp.toolsets`. `importlib.util.find_spec` of the top-level name locates an outside package without running
it; importing a sub-package, or `importlib.resources.files`, would.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.registry.manifest import (
    ENTRY_POINT_GROUP,
    MANIFEST,
    CompletionEntry,
    Manifest,
    ResourceEntry,
    ToolEntry,
)

ALWAYS_LISTED = "discovery"  # without it a client could not reach what is not listed


@dataclass(frozen=True, slots=True)
class View:
    """What one connection may see: chosen at start, the stricter of owner and bridge."""

    toolsets: tuple[str, ...] = ()
    read_only: bool = False
    environment: str = "simulator"


class Template:
    """A URI template compiled once: `{name}` matches one path segment."""

    def __init__(self, uri: str) -> None:
        parts = re.split(r"\{(\w+)\}", uri)
        self._pattern = re.compile(
            "".join(f"(?P<{part}>[^/?#]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
        )

    def match(self, uri: str) -> dict[str, str] | None:
        found = self._pattern.fullmatch(uri)
        return found.groupdict() if found else None


class Catalog:
    """Every tool, resource, prompt and completion of this installation, by name."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self.manifests = tuple(manifests)
        self.tools: dict[str, ToolEntry] = {}
        for entry in (tool for manifest in self.manifests for tool in manifest.tools):
            if entry.name in self.tools:
                other = self.tools[entry.name].toolset
                raise Invalid(f"Two toolsets, {other} and {entry.toolset}, both define the tool {entry.name}.")
            self.tools[entry.name] = entry
        self.resources = {entry.uri: entry for manifest in self.manifests for entry in manifest.resources}
        self.prompts = {entry.name: entry for manifest in self.manifests for entry in manifest.prompts}
        self._completions = {
            (entry.ref, entry.argument): entry for manifest in self.manifests for entry in manifest.completions
        }

    @property
    def toolsets(self) -> tuple[str, ...]:
        return tuple(sorted(manifest.toolset for manifest in self.manifests))

    def callable_tools(self, view: View) -> Mapping[str, ToolEntry]:
        """Every tool this view may call. Read-only removes all effects, whatever the toolsets say."""
        return self._read_only_tools if view.read_only else self.tools

    def listed_tools(self, view: View) -> list[ToolEntry]:
        """What tools/list shows: the default set, everything for `all`, else the named toolsets and discovery."""
        self.require_toolsets(view.toolsets)
        names = {*view.toolsets, ALWAYS_LISTED}
        return [
            tool
            for tool in self.callable_tools(view).values()
            if "all" in view.toolsets or (tool.toolset in names if view.toolsets else tool.listed)
        ]

    def require_toolsets(self, names: Iterable[str]) -> None:
        """Raise Invalid for a toolset nobody provides."""
        for name in names:
            if name not in (*self.toolsets, "all"):
                raise Invalid(
                    f"There is no toolset {name!r}. There are: {', '.join(self.toolsets)}, or all.",
                    details={"nearest": nearest(name, self.toolsets)},
                )

    def find_resource(self, uri: str) -> tuple[ResourceEntry, dict[str, str]] | None:
        """The resource at `uri` and the values of its template parts."""
        if uri in self.resources and not self.resources[uri].is_template:
            return self.resources[uri], {}
        for entry, template in self._templates:
            values = template.match(uri)
            if values is not None:
                return entry, values
        return None

    def completion(self, ref: str, argument: str) -> CompletionEntry | None:
        """Who completes this argument; anything declared for `*` serves every prompt and template."""
        return self._completions.get((ref, argument)) or self._completions.get(("*", argument))

    @cached_property
    def _templates(self) -> list[tuple[ResourceEntry, Template]]:
        return [(entry, Template(entry.uri)) for entry in self.resources.values() if entry.is_template]

    @cached_property
    def _read_only_tools(self) -> dict[str, ToolEntry]:
        return {tool.name: _harmless(tool) for tool in self.tools.values() if tool.effect in ("read", "dispatch")}


def _harmless(tool: ToolEntry) -> ToolEntry:
    """A dispatching tool reaches only reads in a read-only view, so there its annotations say so."""
    if tool.effect != "dispatch":
        return tool
    return replace(tool, annotations={**tool.annotations, "readOnlyHint": True, "destructiveHint": False})


def load_catalog() -> Catalog:
    """Read the manifests of the built-in and the installed outside toolsets."""
    return Catalog(Manifest.from_json(data) for data in _manifest_data())


def _manifest_data() -> Iterator[dict[str, Any]]:
    folder = Path(__file__).parent.parent / "toolsets"
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        yield json.loads(path.read_bytes())
    for package in outside_packages():
        yield json.loads(_outside_manifest(package).read_bytes())


def outside_packages() -> list[str]:
    """The packages other distributions declare as toolsets, sorted."""
    from importlib.metadata import entry_points

    return sorted({entry.module for entry in entry_points(group=ENTRY_POINT_GROUP)})


def _outside_manifest(package: str) -> Path:
    from importlib.util import find_spec

    top, *rest = package.split(".")
    spec = find_spec(top)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, *rest, MANIFEST)
        if path.is_file():
            return path
    raise Invalid(
        f"The installed toolset {package} has no {MANIFEST}.",
        hint=f"Its author runs `construction-mcp tools build {package}` and packs the file; else uninstall it.",
    )
