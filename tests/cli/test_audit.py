"""The log of changes, exported and checked from the command line."""

import json
import sqlite3
from contextlib import closing


def test_what_people_were_given_is_exported_line_by_line_and_whole(cli, tmp_path):
    cli("users", "add", "Ana Ruiz", "--role", "builder", "--data-dir", tmp_path)
    exported = cli("audit", "export", "--data-dir", tmp_path)
    checked = cli("audit", "verify", "--data-dir", tmp_path, "--json")
    with closing(sqlite3.connect(tmp_path / "construction.db")) as forger, forger:
        forger.execute("DROP TRIGGER audit_never_shrinks")
        forger.execute("DELETE FROM audit")

    broken = cli("audit", "verify", "--data-dir", tmp_path, "--json")

    (entry,) = [json.loads(line) for line in exported.out.splitlines()]
    assert (entry["action"], entry["summary"]) == ("users.add", "Give Ana Ruiz access as builder")
    assert entry["principal"].startswith("local:")
    assert (checked.code, checked.data["entries"], checked.data["first_break"]) == (0, 1, None)
    assert checked.data["last_hash"] == entry["hash"]
    assert (broken.code, broken.data["first_break"]) == (1, 1)
