"""The programs that judge the server, installed by name and version into a cache folder outside the repository."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "CONSTRUCTION_MCP_CHECKS_CACHE"
_NPM = (
    "node@22",
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12",
    "@anthropic-ai/mcpb@2.1.2",
)
_JUDGES = ("jbt-mcpcheck==0.1.1", "tdqs==0.1.0", "agent-friend==0.209.0", "mcp-quality==0.7.0")
_SCANNER = ("cisco-ai-mcp-scanner==4.8.7",)  # an environment of its own: it pins many packages
_INSTALL_S = 600


class MissingTool(Exception):
    """A program that has to be on this machine is not, or an installation failed."""


@dataclass(frozen=True, slots=True)
class Instruments:
    """Where the installed programs are."""

    node: Path
    modules: Path
    judges: Path
    scanner: Path

    def conformance(self, *arguments: str) -> list[str]:
        return [str(self.node), str(self.modules / "@modelcontextprotocol/conformance/dist/index.js"), *arguments]

    def inspector(self, *arguments: str) -> list[str]:
        launcher = self.modules / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
        return [str(self.node), str(launcher), "--cli", *arguments]

    def bundles(self, *arguments: str) -> list[str]:
        return [str(self.node), str(self.modules / "@anthropic-ai/mcpb/dist/cli/cli.js"), *arguments]

    def judge(self, name: str, *arguments: str) -> list[str]:
        return [str(self.judges / name), *arguments]

    def scan(self, *arguments: str) -> list[str]:
        return [str(self.scanner / "mcp-scanner"), *arguments]


def cache_folder() -> Path:
    """`CONSTRUCTION_MCP_CHECKS_CACHE`, else a folder below the user's cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".cache" / "construction-mcp-checks"


def install(cache: Path) -> Instruments:
    """Install what is not there yet; a second run finds everything and costs nothing.

    Raises:
        MissingTool: there is no npm, or an installation failed; the message ends with what it said.
    """
    npm = _npm(cache / "npm")
    judges = _pip(cache / "judges", _JUDGES)
    scanner = _pip(cache / "scanner", _SCANNER)
    return Instruments(npm / ".bin" / "node", npm, judges, scanner)


def _npm(folder: Path) -> Path:
    if not _installed(folder, _NPM):
        npm = shutil.which("npm")
        if npm is None:
            raise MissingTool("npm is not on the PATH; the conformance suite and the Inspector need it")
        folder.mkdir(parents=True, exist_ok=True)
        _run([npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", *_NPM])
        _mark(folder, _NPM)
    return folder / "node_modules"


def _pip(folder: Path, packages: Sequence[str]) -> Path:
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if not _installed(folder, packages):
        venv.create(folder, clear=True, with_pip=True)
        _run([str(scripts / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        _mark(folder, packages)
    return scripts


def _installed(folder: Path, packages: Sequence[str]) -> bool:
    marker = folder / "installed.txt"
    return marker.is_file() and marker.read_text(encoding="utf-8") == "\n".join(packages)


def _mark(folder: Path, packages: Sequence[str]) -> None:
    """Written last, so that an interrupted installation is done again."""
    (folder / "installed.txt").write_text("\n".join(packages), encoding="utf-8")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if done.returncode:
        raise MissingTool(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
