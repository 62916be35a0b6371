"""What is found, what is listed, what stays unimported."""

import subprocess
import sys

import pytest

from construction_mcp.core.errors import Invalid
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.registry.manifest import Manifest


def test_two_toolsets_cannot_share_a_tool_name(manifest: Manifest) -> None:
    with pytest.raises(Invalid, match="both define the tool echo"):
        Catalog([manifest, manifest])


def test_the_default_listing_is_what_is_marked_listed(catalog: Catalog) -> None:
    assert [tool.name for tool in catalog.listed_tools(View())] == ["echo", "find_tools", "use_tool"]


def test_a_named_toolset_is_listed_whole_with_discovery(catalog: Catalog) -> None:
    names = {tool.name for tool in catalog.listed_tools(View(("sample",)))}

    assert names >= {"echo", "list_notes", "shout", "find_tools", "use_tool"}


def test_an_unknown_toolset_is_refused_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(Invalid) as caught:
        catalog.listed_tools(View(("sampel",)))

    assert caught.value.details["nearest"] == ["sample"]


def test_listing_imports_no_tool() -> None:
    """HOUSE.md: listing tools reads JSON and imports no tool."""
    script = (
        "import sys; from construction_mcp.registry.catalog import View, load_catalog;"
        "assert load_catalog().listed_tools(View(('all',)));"
        "print([name for name in sys.modules if name.startswith('construction_mcp.toolsets')])"
    )

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
