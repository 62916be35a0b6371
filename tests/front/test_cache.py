"""An installation with toolsets from elsewhere gets static answers too, from its second start on."""

import json
from pathlib import Path

import pytest

from construction_mcp.core.launch import Launch
from construction_mcp.front.answers import CACHE, load_answers
from tests.stdio_process import PLUGINS, StdioProcess


def first_answers(data_dir: Path) -> list[bytes]:
    with StdioProcess(data_dir, "--toolsets", "all") as client:
        client.request(
            "initialize", {"protocolVersion": "x", "capabilities": {}, "clientInfo": {"name": "n", "version": "1"}}
        )
        client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        client.request("tools/list")
        client.close_input()
        answers = client.rest()
        assert client.wait() == 0
        return sorted(answers)


def test_the_first_run_leaves_the_second_its_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    launch = Launch(str(tmp_path), ("all",))
    before = load_answers(launch)
    live = first_answers(tmp_path)
    answers = load_answers(launch)
    static = first_answers(tmp_path)

    assert before is None
    assert answers is not None
    assert "pass_gate" in answers.legacy_list
    assert static == live


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}"])
def test_a_damaged_cache_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    (tmp_path / CACHE).write_text(damage)

    assert load_answers(Launch(str(tmp_path))) is None


def test_a_cache_for_other_versions_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    (tmp_path / CACHE).write_text(json.dumps({"key": ["0.0.1", "2.3.0", []]}))

    assert load_answers(Launch(str(tmp_path))) is None
