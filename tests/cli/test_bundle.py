"""`bundle`: what Claude Desktop unpacks starts, and its form fills in settings that exist."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from construction_mcp.cli import main
from construction_mcp.cli.bundle import manifest
from construction_mcp.cli.doctor.variables import KNOWN

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
FRAMES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_workflows", "arguments": {}}},
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "ours.mcpb"
    assert main(["bundle", "--output", str(path)]) == 0
    return path


def test_the_unpacked_bundle_starts_as_its_manifest_says_and_reads_the_form(bundle: Path, tmp_path: Path):
    """This Python stands in for the one that the app's `uv` brings; the bundle's own folder comes first on its path."""
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(tmp_path)
    server = json.loads((tmp_path / "manifest.json").read_text())["server"]
    form = dict.fromkeys(server["mcp_config"]["env"], "")  # nothing was filled in

    done = subprocess.run(
        [sys.executable, str(tmp_path / server["entry_point"])],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **form, "CONSTRUCTION_MCP_READ_ONLY": "false"},
        cwd=tmp_path,
        input="".join(json.dumps(frame) + "\n" for frame in FRAMES),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    answers = {answer["id"]: answer["result"] for answer in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stderr
    assert answers[2]["structuredContent"] == {"items": [], "total": 0}


def test_each_field_of_the_form_is_a_setting_and_secrets_are_masked():
    described = manifest()
    form, env = described["user_config"], described["server"]["mcp_config"]["env"]

    assert set(env) <= KNOWN
    assert set(env.values()) == {f"${{user_config.{name}}}" for name in form}
    assert {name for name, field in form.items() if field.get("sensitive")} == {"client_secret", "smtp_url"}


def test_the_same_version_gives_the_same_bytes(bundle: Path, tmp_path: Path):
    again = tmp_path / "again.mcpb"
    main(["bundle", "--output", str(again)])

    assert again.read_bytes() == bundle.read_bytes()
