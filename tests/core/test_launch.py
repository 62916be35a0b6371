"""What flags, environment and file mean together."""

import pytest

from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import PREFIX, read_launch


@pytest.mark.parametrize(
    ("written", "meant"), [("1", True), ("TRUE ", True), ("on", True), ("0", False), ("no", False), ("", False)]
)
def test_a_switch_is_read_as_people_write_it(written: str, meant: bool) -> None:
    assert read_launch({}, {PREFIX + "READ_ONLY": written}).read_only is meant


def test_a_switch_of_the_file_is_a_boolean() -> None:
    assert read_launch({}, {}, {"read_only": True}).read_only is True


def test_a_misspelt_protection_is_refused_not_off() -> None:
    with pytest.raises(Invalid, match="CONSTRUCTION_MCP_READ_ONLY is 'ture'"):
        read_launch({}, {PREFIX + "READ_ONLY": "ture"})
