"""`install` and `uninstall`: a client gets our entry and gets rid of it; nothing else in its file moves."""

import json
from pathlib import Path

import pytest

from construction_mcp.cli.install.clients import CLIENTS, config_files
from construction_mcp.cli.install.entry import is_ours, own_command

CLAUDE = """{
    "globalShortcut": "Ctrl+Space",
    "mcpServers": {
        "files": {"command": "npx", "args": ["-y", "files"], "env": {"TOKEN": "s3cret-of-files"}}
    }
}
"""
VSCODE = """// my servers
{
\t"inputs": [],
\t"servers": {
\t\t"files": { "command": "npx" }, // keep this one
\t\t/* soon:
\t\t"more": {} */
\t},
}
"""


def config_of(client: str, text: str | None = None) -> Path:
    path = config_files(CLIENTS[client])[0]
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return path


def files_under(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("client", list(CLIENTS))
def test_install_into_an_empty_home_writes_an_entry_that_is_an_absolute_command(cli, client):
    ran = cli("install", client, "--json")

    entry = json.loads(config_of(client).read_text())[CLIENTS[client].section]["construction-mcp"]
    assert ran.code == 0
    assert Path(entry["command"]).is_absolute()
    assert is_ours(entry)
    assert "env" not in entry
    assert entry.get("type") == ("stdio" if CLIENTS[client].typed else None)


@pytest.mark.parametrize("client", list(CLIENTS))
def test_uninstall_leaves_an_empty_home_empty(cli, home, client):
    cli("install", client)

    cli("uninstall")

    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("claude-desktop", CLAUDE),
        ("claude-desktop", CLAUDE.replace("\n", "\r\n")),
        ("claude-desktop", "\ufeff" + CLAUDE),
        ("claude-desktop", '{"mcpServers": {}}'),
        ("claude-desktop", "{}"),
        ("claude-desktop", '{"a": 1}'),
        ("claude-desktop", ""),
        ("claude-code", '{"numStartups": 3, "projects": {"/x": {"mcpServers": {}}}}'),
        ("cursor", '{\n  "mcpServers": {\n  }\n}\n'),
        ("vscode", VSCODE),
        ("vscode", '{\n  "servers": {\n    // none yet\n  }\n}'),
    ],
)
def test_install_then_uninstall_restores_every_byte(cli, home, client, text):
    path = config_of(client, text)

    cli("install", client)
    cli("uninstall", client)

    assert path.read_bytes() == text.encode()
    assert files_under(home) == [path]


@pytest.mark.parametrize(("client", "text"), [("claude-desktop", CLAUDE), ("vscode", VSCODE)])
def test_every_line_of_a_person_stays_while_installed(cli, client, text):
    path = config_of(client, text)

    cli("install", client)

    kept = [line.rstrip(",\n ") for line in path.read_text().splitlines()]
    assert [line for line in (old.rstrip(",\n ") for old in text.splitlines()) if line not in kept] == []


def test_what_a_person_adds_after_install_survives_uninstall(cli):
    path = config_of("claude-desktop", CLAUDE)
    cli("install", "claude-desktop")
    path.write_text(path.read_text().replace("Ctrl+Space", "Ctrl+J"))

    cli("uninstall", "claude-desktop")

    assert path.read_text() == CLAUDE.replace("Ctrl+Space", "Ctrl+J")


def test_the_shown_change_holds_no_other_servers_secret(cli):
    config_of("claude-desktop", CLAUDE)

    ran = cli("install", "claude-desktop", "--dry-run")

    assert '+        "construction-mcp": {' in ran.out
    assert json.loads(CLAUDE)["globalShortcut"] not in ran.out


def test_a_dry_run_writes_nothing(cli, home):
    path = config_of("claude-desktop", CLAUDE)

    cli("install", "claude-desktop", "--dry-run")

    assert path.read_text() == CLAUDE
    assert files_under(home) == [path]


def test_installing_twice_changes_nothing_the_second_time(cli):
    cli("install", "cursor")
    first = config_of("cursor").read_bytes()

    ran = cli("install", "cursor", "--json")

    assert [file["status"] for file in ran.data["files"]] == ["unchanged"]
    assert config_of("cursor").read_bytes() == first


def test_flags_are_passed_on_with_absolute_paths(cli, home, monkeypatch):
    monkeypatch.chdir(home)

    ran = cli("install", "cursor", "--data-dir", "jobs", "--toolsets", "all", "--read-only", "--json")

    flags = ["--data-dir", str(home / "jobs"), "--toolsets", "all", "--read-only"]
    assert ran.data["entry"]["args"][-5:] == flags


@pytest.mark.parametrize(
    ("client", "text", "reason"),
    [
        ("claude-desktop", '{"mcpServers": {', "not valid JSON"),
        ("claude-desktop", "[]", "not a JSON object"),
        ("claude-desktop", '{"mcpServers": []}', "not an object"),
        ("claude-desktop", '{"a": 1, "a": 2}', "used twice"),
        ("claude-desktop", "{} // why not", "does not accept comments"),
        ("claude-desktop", '{"a": 1,}', "missing"),
        ("claude-desktop", "[" * 5000, "nested too deeply"),
        ("vscode", '{"servers": {"construction-mcp": {"command": "node"}}}', "starts something else"),
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_refused_and_left_alone(cli, home, client, text, reason):
    path = config_of(client, text)

    ran = cli("install", client)

    assert ran.code == 1
    assert reason in ran.err
    assert str(path) in ran.err
    assert path.read_text() == text
    assert files_under(home) == [path]


def test_force_replaces_an_entry_that_is_not_ours_and_uninstall_brings_no_wrong_one_back(cli):
    path = config_of("cursor", '{"mcpServers": {"construction-mcp": {"command": "node"}}}')

    cli("install", "cursor", "--force")

    assert is_ours(json.loads(path.read_text())["mcpServers"]["construction-mcp"])


def test_uninstall_leaves_an_entry_of_our_name_that_is_not_ours(cli):
    text = '{"mcpServers": {"construction-mcp": {"command": "node"}}}'
    path = config_of("cursor", text)

    cli("uninstall")

    assert path.read_text() == text


def test_a_symlinked_config_stays_a_symlink_and_keeps_its_mode(cli, home):
    real = home / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o640)
    path = config_of("cursor")
    path.parent.mkdir()
    path.symlink_to(real)

    cli("install", "cursor")

    assert path.is_symlink()
    assert "construction-mcp" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_on_windows_the_plain_and_the_packaged_claude_desktop_both_get_the_entry(home):
    """Source: anthropics/claude-code issue 26073, the packaged app reads from its container."""
    package = home / "AppData" / "Local" / "Packages" / "Claude_pzs8sxrjxfjjc"
    package.mkdir(parents=True)

    found = config_files(CLIENTS["claude-desktop"], "win32")

    name = "claude_desktop_config.json"
    assert found == [
        home / "AppData" / "Roaming" / "Claude" / name,
        package / "LocalCache" / "Roaming" / "Claude" / name,
    ]


@pytest.mark.parametrize(
    ("client", "platform", "expected"),
    [
        ("claude-desktop", "darwin", "Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude-desktop", "linux", ".config/Claude/claude_desktop_config.json"),
        ("claude-code", "win32", ".claude.json"),
        ("cursor", "win32", ".cursor/mcp.json"),
        ("vscode", "win32", "AppData/Roaming/Code/User/mcp.json"),
        ("vscode", "darwin", "Library/Application Support/Code/User/mcp.json"),
        ("vscode", "linux", ".config/Code/User/mcp.json"),
    ],
)
def test_each_clients_file_is_where_its_documentation_says(home, client, platform, expected):
    assert config_files(CLIENTS[client], platform, {}) == [home / expected]


def test_the_console_script_is_preferred_and_the_module_is_the_fallback(tmp_path):
    python = tmp_path / "python.exe"

    before = own_command(str(python), "win32")
    (tmp_path / "construction-mcp.exe").touch()
    after = own_command(str(python), "win32")

    assert before == [str(python), "-P", "-m", "construction_mcp"]
    assert after == [str(tmp_path / "construction-mcp.exe")]


@pytest.mark.parametrize(
    "entry",
    [
        {"command": r"C:\venv\Scripts\construction-mcp.exe", "args": []},
        {"command": "/usr/bin/python3", "args": ["-P", "-m", "construction_mcp", "--read-only"]},
    ],
)
def test_an_entry_of_another_installation_is_recognised_as_ours(entry):
    assert is_ours(entry)


@pytest.mark.parametrize(
    "entry", [None, {}, {"command": "node"}, {"command": "x", "args": ["-m"]}, {"url": "http://x"}]
)
def test_anything_else_is_not_ours(entry):
    assert not is_ours(entry)
