"""Every example does what it says, run as a newcomer would run it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from construction_mcp.cli.install.clients import CLIENTS
from construction_mcp.cli.install.entry import NAME, entry_of, is_ours
from construction_mcp.core.reach import WEBHOOKS_PATH
from construction_mcp.engine.approval_watch import APPROVALS_PATH
from construction_mcp.procore.sign_in import CALLBACK_PATH, START_PATH
from construction_mcp.registry.build import build, manifest_text
from tests.tidy.source import ROOT

EXAMPLES = ROOT / "examples"
TOOLSET = EXAMPLES / "third_party_toolset"


def run(*command: str | Path, path: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    found = os.pathsep.join(map(str, filter(None, [ROOT, path])))
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": found, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def installed_toolset(tmp_path):
    """The example package as pip would leave it: its folder on the path and its metadata beside it."""
    project = tomllib.loads((TOOLSET / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    metadata = site / f"concrete_takeoff-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (site / "concrete_takeoff").symlink_to(TOOLSET / "concrete_takeoff")
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items()) for group, entries in groups
    ]
    (metadata / "entry_points.txt").write_text("".join(lines))
    return site


@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_client_config_is_what_install_would_write(client):
    config = json.loads((EXAMPLES / "clients" / f"{client}.json").read_text())

    entry = config[CLIENTS[client].section][NAME]
    assert is_ours(entry)
    assert entry == entry_of(CLIENTS[client], [entry["command"]], entry["args"])


@pytest.mark.skipif(sys.platform == "win32", reason="bash")
def test_the_pipe_script_gets_an_answer_to_every_request(tmp_path):
    server = f"{sys.executable} -m construction_mcp"

    done = run("bash", EXAMPLES / "pipe.sh", "--data-dir", tmp_path, CONSTRUCTION_MCP=server)

    answers = {answer["id"]: answer["result"] for answer in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stderr
    assert sorted(answers) == [1, 2, 3]
    assert "create_workflow" in json.dumps(answers[3]["structuredContent"])


def test_the_python_client_imports_the_example_workflow_and_lists_it(tmp_path):
    """The SDK passes only a few variables on, so the installed package is what a newcomer's server finds."""
    workflow = EXAMPLES / "workflows" / "overdue_rfi_alert.yaml"

    done = run(sys.executable, EXAMPLES / "client.py", workflow, "--data-dir", tmp_path)

    assert done.returncode == 0, done.stderr
    assert "draft  Overdue RFI alert" in done.stdout


def test_the_third_party_toolset_is_found_listed_and_called(installed_toolset, tmp_path):
    listed = run(sys.executable, "-m", "construction_mcp", "tools", "--json", path=installed_toolset)
    call = {"name": "estimate_concrete_volume", "arguments": {"length_m": 10, "width_m": 4, "thickness_m": 0.2}}
    frames = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ]
    frames[0]["params"]["clientInfo"] = {"name": "test", "version": "1"}
    called = subprocess.run(
        [sys.executable, "-m", "construction_mcp", "--data-dir", str(tmp_path / "workspace")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(installed_toolset)])},
        input="".join(json.dumps({"jsonrpc": "2.0", **frame}) + "\n" for frame in frames),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    answers = {answer["id"]: answer["result"] for answer in map(json.loads, called.stdout.splitlines())}
    assert "estimate_concrete_volume" in [tool["name"] for tool in json.loads(listed.stdout)["tools"]]
    assert answers[2]["structuredContent"] == {"volume_m3": 8.0, "order_m3": 8.4, "trucks": 2}


def test_the_third_party_action_type_is_found_and_described(installed_toolset):
    """In a process of its own, as installed: the entry point is all that leads there."""
    script = (
        "import json; from construction_mcp.actions.catalogue import Catalogue\n"
        "types = Catalogue()\n"
        "print(json.dumps({'names': types.names(), 'problems': [str(one) for one in types.problems],"
        " 'type': types.describe('concrete.estimate')}))"
    )

    done = run(sys.executable, "-c", script, path=installed_toolset)

    found = json.loads(done.stdout)
    assert "concrete.estimate" in found["names"]
    assert found["problems"] == []
    assert found["type"]["config"]["required"] == ["length_m", "width_m", "thickness_m"]
    assert set(found["type"]["output"]["properties"]) == {"volume_m3", "order_m3", "trucks"}


def test_the_third_party_manifest_says_what_its_code_says(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLSET))

    assert (TOOLSET / "concrete_takeoff" / "manifest.json").read_text() == manifest_text(build("concrete_takeoff"))


def test_the_proxy_recipe_exposes_what_the_world_has_to_reach_and_nothing_else():
    """Tried by hand with nginx 1.22: these pass, everything else is answered 404 by the proxy itself."""
    recipe = (EXAMPLES / "deploy" / "nginx.conf").read_text()
    passed = re.findall(r"^ *location (?:= )?(\S+) +\{ proxy_pass", recipe, re.MULTILINE)

    assert sorted(passed) == sorted([f"{WEBHOOKS_PATH}/", f"{APPROVALS_PATH}/", START_PATH, CALLBACK_PATH])
    assert re.search(r"location / +\{ return 404; \}", recipe)
