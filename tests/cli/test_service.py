"""`service`: the files are what each platform's manager reads, and nothing is half done."""

import argparse
import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from construction_mcp.cli import parser_for
from construction_mcp.cli.service import linux, plan_for

SYSTEMCTL = f"""#!{sys.executable}
import os, sys
with open(os.environ["CALLS"], "a") as calls:
    print(*sys.argv[1:], file=calls)
if os.environ.get("REFUSE", "-") in sys.argv:
    sys.exit("Failed to connect to bus: No medium found")
"""
UNIT = Path(".config", "systemd", "user", "construction-mcp.service")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")


def arguments(*words: str) -> argparse.Namespace:
    return parser_for(["service"]).parse_args(["service", *words])


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """A systemctl on PATH that notes how it was called; REFUSE names the word it fails on."""
    calls = tmp_path / "calls"
    calls.touch()
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))
    return lambda: calls.read_text().splitlines()


@linux_only
def test_install_writes_the_unit_and_starts_it(cli, home, systemctl):
    ran = cli("service", "install", "--port", "9000")

    assert ran.code == 0
    assert '"serve" "--port" "9000"' in (home / UNIT).read_text()
    assert systemctl() == [
        "--user show-environment",
        "--user daemon-reload",
        "--user enable --now construction-mcp.service",
    ]


def test_the_token_file_is_passed_on_as_an_absolute_path(home, monkeypatch):
    monkeypatch.chdir(home)

    plan = plan_for("linux", arguments("install", "--token-file", "token"))

    assert f'"--token-file" "{home / "token"}"' in plan.text


@linux_only
def test_remove_stops_it_and_takes_the_unit_away(cli, home, systemctl):
    cli("service", "install")

    ran = cli("service", "remove")

    assert ran.code == 0
    assert not (home / UNIT).exists()
    assert systemctl()[-2:] == ["--user disable --now construction-mcp.service", "--user daemon-reload"]


@linux_only
def test_without_a_reachable_systemd_nothing_is_written_and_the_reason_is_told(cli, home, systemctl, monkeypatch):
    monkeypatch.setenv("REFUSE", "show-environment")

    ran = cli("service", "install")

    assert ran.code == 1
    assert "Failed to connect to bus" in ran.err
    assert "Nothing was written" in ran.err
    assert not (home / UNIT).exists()


@linux_only
def test_a_start_that_fails_says_so_and_how_to_undo_it(cli, systemctl, monkeypatch):
    monkeypatch.setenv("REFUSE", "enable")

    ran = cli("service", "install")

    assert ran.code == 1
    assert "service remove" in ran.err


@linux_only
def test_a_dry_run_prints_file_and_commands_and_does_nothing(cli, home, systemctl):
    ran = cli("service", "install", "--dry-run")

    assert "ExecStart=" in ran.out
    assert "systemctl --user enable --now" in ran.out
    assert systemctl() == []
    assert list(home.iterdir()) == []


@linux_only
def test_status_tells_not_installed_from_not_running_from_running(cli, systemctl, monkeypatch):
    before = cli("service", "status")
    cli("service", "install")
    running = cli("service", "status")
    monkeypatch.setenv("REFUSE", "is-active")
    stopped = cli("service", "status")

    assert (before.code, running.code, stopped.code) == (1, 0, 1)
    assert before.out.startswith("not installed")
    assert running.out.startswith("running")
    assert stopped.out.startswith("installed, not running")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(home, tmp_path):
    program = tmp_path / "a dir with $ and %" / "construction-mcp"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / linux.UNIT
    unit.write_text(linux.unit_text([sys.executable, str(program), "serve", "--data-dir", 'a "b" \\ c']))

    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_word_in_the_unit_is_read_back_as_it_was():
    """systemd.syntax(7) reads quotes and backslashes as a shell does in double quotes; $$ and %% are its own."""
    words = ["/opt/a b/python", "x$HOME", "50%", 'say "hi"', "back\\slash"]
    line = next(line for line in linux.unit_text(words).splitlines() if line.startswith("ExecStart="))

    read = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(line.removeprefix("ExecStart="))]

    assert read == words
    assert "x$$HOME" in line
    assert "50%%" in line


def test_the_launchd_agent_starts_serve_at_logon_and_after_a_crash(home):
    plan = plan_for("darwin", arguments("install", "--host", "127.0.0.1"))

    agent = plistlib.loads(plan.text.encode())

    assert plan.file == home / "Library" / "LaunchAgents" / "construction-mcp.serve.plist"
    assert agent["ProgramArguments"][-3:] == ["serve", "--host", "127.0.0.1"]
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


def test_the_windows_task_is_xml_that_runs_serve_at_logon_without_more_rights(home):
    plan = plan_for("win32", arguments("install", "--data-dir", str(home / "jobs & more")))

    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ElementTree.fromstring(plan.text.encode(plan.encoding))  # noqa: S314 - our own text

    assert plan.file == home / "AppData" / "Local" / "construction-mcp" / "service.xml"
    assert task.find("t:Triggers/t:LogonTrigger", space) is not None
    assert task.findtext("t:Principals/t:Principal/t:RunLevel", namespaces=space) == "LeastPrivilege"
    assert task.findtext("t:Actions/t:Exec/t:Arguments", namespaces=space).endswith(f'--data-dir "{home}/jobs & more"')
