"""What is installed is what is here: a wheel in an empty environment, far from the repository."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from construction_mcp.cli import command_names
from tests.tidy.source import PACKAGE, ROOT


def run(*words: str | Path, cwd: Path) -> str:
    """The output of a command that has to succeed, with nothing of this repository on its path."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout[-500:]}{done.stderr[-1500:]}"
    return done.stdout


def test_nothing_the_package_reads_is_left_out_of_the_wheel():
    """The builder leaves out what git ignores, so no ignored file may be one that the package needs."""
    listed = run("git", "ls-files", "--others", "--ignored", "--exclude-standard", PACKAGE, "sql", cwd=ROOT)

    assert [path for path in listed.splitlines() if "__pycache__/" not in path] == []


@pytest.mark.slow
def test_a_wheel_works_in_an_empty_environment(tmp_path):
    """Builds it, installs it alone, and asks each command for its help and the server for its tools."""
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "environment"
    venv.create(place, with_pip=True)
    scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
    run(scripts / "python", "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    command = scripts / "construction-mcp"

    where = run(scripts / "python", "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)", cwd=tmp_path)
    helps = [run(command, name, "--help", cwd=tmp_path) for name in command_names()]
    tools = run(command, "tools", "--toolsets", "all", cwd=tmp_path)
    checked = run(command, "doctor", "--data-dir", tmp_path / "data", cwd=tmp_path)

    assert str(place) in where
    assert all("examples:" in said for said in helps)
    assert "find_tools" in tools
    assert checked
