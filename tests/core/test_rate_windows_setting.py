"""`PROCORE_RATE_WINDOWS`: what it means, and what is refused at start."""

from pathlib import Path

import pytest

from construction_mcp.core.config import Limits, Settings, load_settings
from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import read_launch


def _settings(tmp_path: Path, value: str | None) -> Settings:
    set_here = {} if value is None else {"PROCORE_RATE_WINDOWS": value}
    return load_settings(read_launch({"data_dir": str(tmp_path)}, environ=set_here), set_here)


def test_rate_windows_are_those_of_procores_documentation_unless_set(tmp_path: Path) -> None:
    unset, same = (_settings(tmp_path, value).limits for value in (None, "600/3600,25/10"))

    assert unset == same == Limits()


def test_rate_windows_can_be_what_an_app_was_given(tmp_path: Path) -> None:
    """The shorter one may be wider than what a header is believed to say of it."""
    limits = _settings(tmp_path, "36000/3600, 400/20").limits

    assert (limits.hourly_requests, limits.hourly_window_s) == (36_000, 3600.0)
    assert (limits.spike_requests, limits.spike_window_s, limits.spike_requests_max) == (400, 20.0, 400)


@pytest.mark.parametrize(
    "value", ["off", "600", "600/3600", "25/10,600/3600", "0/3600,25/10", "600/3600,25/0", "a/b,c/d"]
)
def test_rate_windows_of_another_form_are_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        _settings(tmp_path, value)

    assert "PROCORE_RATE_WINDOWS" in caught.value.message
