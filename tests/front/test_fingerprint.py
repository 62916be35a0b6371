"""Which installation the kept answers are for."""

from importlib.metadata import version
from pathlib import Path

from construction_mcp.front.fingerprint import look_around

PLUGINS = Path(__file__).parent.parent / "plugins"


def test_the_sdks_version_is_found_as_importlib_would() -> None:
    assert look_around().sdk == version("mcp")


def test_a_toolset_from_elsewhere_is_noticed() -> None:
    assert look_around([str(PLUGINS)]).toolsets == ("gated_toolset-1.0.dist-info:gated = gated_toolset",)


def test_other_entry_points_and_unreadable_folders_are_nothing(tmp_path: Path) -> None:
    metadata = tmp_path / "other-1.0.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text("[console_scripts]\nx = y:z\n")
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff")

    assert look_around([str(tmp_path), str(tmp_path / "absent")]).toolsets == ()
