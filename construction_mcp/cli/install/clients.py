"""Where each MCP client keeps its list of servers, per operating system.

Sources: Model Context Protocol, "Connect to local MCP servers" (Claude Desktop); Claude Code docs, "MCP installation
scopes" (user scope: top-level `mcpServers` of ~/.claude.json); Cursor docs, "Model Context Protocol"
(~/.cursor/mcp.json); VS Code docs, "MCP configuration reference" (`servers` in the user profile's mcp.json). Claude
Desktop for Windows is a packaged app since February 2026 and reads from its container: anthropics/claude-code issues
25579 and 26073.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs.macos import MacOS
from platformdirs.unix import Unix


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `section` holds its servers by name; `typed` entries say `"type": "stdio"`."""

    id: str
    title: str
    section: str
    typed: bool
    comments: bool
    then: str


CLIENTS = {
    client.id: client
    for client in (
        Client(
            "claude-desktop",
            "Claude Desktop",
            section="mcpServers",
            typed=False,
            comments=False,
            then="Quit Claude Desktop completely (also from the tray) and start it again.",
        ),
        Client(
            "claude-code",
            "Claude Code",
            section="mcpServers",
            typed=True,
            comments=False,
            then="Start Claude Code again (a running one may write its file anew); /mcp shows the server.",
        ),
        Client(
            "cursor",
            "Cursor",
            section="mcpServers",
            typed=True,
            comments=False,
            then="Restart Cursor; Settings > MCP shows the server.",
        ),
        Client(
            "vscode",
            "VS Code",
            section="servers",
            typed=True,
            comments=True,
            then='Run "MCP: List Servers" in VS Code and start the server.',
        ),
    )
}


def config_files(client: Client, platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files this client may read on this machine; all of them get the entry."""
    if client.id == "claude-code":
        return [Path(environ.get("CLAUDE_CONFIG_DIR") or Path.home()) / ".claude.json"]
    if client.id == "cursor":
        return [Path.home() / ".cursor" / "mcp.json"]
    if client.id == "vscode":
        return [_config_home(platform, environ) / "Code" / "User" / "mcp.json"]
    plain = _config_home(platform, environ) / "Claude" / "claude_desktop_config.json"
    return [plain, *(_packaged_claude(environ) if platform == "win32" else ())]


def is_present(client: Client, platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the client looks installed: it, or a person, made its config directory."""
    if client.id == "claude-code":
        return any(path.exists() for path in config_files(client, platform, environ))
    return any(path.parent.is_dir() for path in config_files(client, platform, environ))


def _config_home(platform: str, environ: Mapping[str, str]) -> Path:
    """Windows: Roaming, by the variable the clients' documentation names; macOS: Application Support; Linux: XDG."""
    if platform == "win32":
        return Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    return Path((MacOS() if platform == "darwin" else Unix()).user_config_dir)


def _packaged_claude(environ: Mapping[str, str]) -> list[Path]:
    """The packaged app's files are redirected into its container, whose name ends in a publisher id."""
    packages = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "Packages"
    inside = Path("LocalCache", "Roaming", "Claude", "claude_desktop_config.json")
    return [package / inside for package in sorted(packages.glob("Claude_*"))]
