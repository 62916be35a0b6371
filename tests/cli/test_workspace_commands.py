"""users, backup, restore, take-over, keys and migrate, as a person types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def command(tmp_path: Path):
    """Run `construction-mcp <words>` on one data directory; its JSON, or its exit code and stderr."""
    root = Path(__file__).resolve().parents[2]

    def run(*words: str, data_dir: str = "data"):
        done = subprocess.run(
            [sys.executable, "-m", "construction_mcp", *words, "--json", "--data-dir", tmp_path / data_dir],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        return json.loads(done.stdout) if done.returncode == 0 else (done.returncode, done.stderr)

    return run


def test_a_person_is_added_shown_once_rotated_and_revoked(command):
    added = command("users", "add", "Ana Ruiz", "--role", "builder", "--expires-in-days", "30")
    user_id = added["user"]["id"]
    listed = command("users", "list")
    rotated = command("users", "rotate", user_id)
    revoked = command("users", "revoke", user_id)

    assert added["bearer"] not in json.dumps(listed)
    assert listed["users"] == [added["user"]]
    assert rotated["bearer"] != added["bearer"]
    assert revoked["user"]["revoked_at"] is not None
    assert command("users", "revoke")[0] == 1


def test_a_workspace_is_copied_restored_in_standby_and_taken_over(command, tmp_path):
    command("users", "add", "Ana Ruiz")
    status = command("keys", "status")
    command("backup", str(tmp_path / "copy"), "--with-keys")
    refused = command("restore", str(tmp_path / "copy"))
    restored = command("restore", str(tmp_path / "copy"), data_dir="other")

    assert refused[0] == 1
    assert "--force" in refused[1]
    assert set(restored["files"]) == {"construction.db", "workspace.key"}
    assert command("take-over", data_dir="other") == {"was_standby": True}
    assert command("take-over") == {"was_standby": False}
    assert command("users", "list", data_dir="other") == command("users", "list")
    assert command("keys", "status", data_dir="other")["fingerprint"] == status["fingerprint"]


def test_a_rotated_key_is_the_one_the_workspace_opens_with(command):
    before = command("keys", "status")["fingerprint"]
    rotated = command("keys", "rotate")["fingerprint"]

    assert command("keys", "status")["fingerprint"] == rotated != before
    assert command("migrate")["before"] == command("migrate")["after"]


def test_what_cannot_run_beside_an_owner_refuses_and_names_it(command, tmp_path):
    from construction_mcp.core.ownership import take

    ownership = take(tmp_path / "data")
    refused = [command("migrate"), command("keys", "rotate"), command("restore", str(tmp_path))]
    ownership.release()

    assert [code for code, _ in refused] == [1, 1, 1]
    assert all("SYSTEM_DIRECTORY_OWNED" in text for _, text in refused)
