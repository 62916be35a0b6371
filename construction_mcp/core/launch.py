"""How this process was started: the few settings the front needs before anything heavy is imported.

Standard library only, and only its light parts: this module is on the path of the first answered frame.
Flags outrank the environment, the environment outranks the TOML file, the file outranks defaults.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from construction_mcp.core.errors import Invalid

ENVIRONMENTS = ("simulator", "sandbox", "monthly", "production", "federal")
LOG_LEVELS = ("debug", "info", "warning", "error")
PREFIX = "CONSTRUCTION_MCP_"
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_SWITCH[""] = False  # a variable that is set to nothing


class Launch(NamedTuple):
    """The start-up choices. `toolsets` is () for the default listing, ("all",) for everything, else names."""

    data_dir: str
    toolsets: tuple[str, ...] = ()
    read_only: bool = False
    environment: str = "simulator"
    log_level: str = "info"
    config_file: str | None = None
    server_url: str | None = None
    token_file: str | None = None


# flag -> (field, takes a value); the same names, upper-cased behind the prefix, are environment variables
COMMON_FLAGS = {
    "--data-dir": ("data_dir", True),
    "--toolsets": ("toolsets", True),
    "--read-only": ("read_only", False),
    "--environment": ("environment", True),
    "--log-level": ("log_level", True),
    "--config": ("config_file", True),
    "--server": ("server_url", True),
    "--token-file": ("token_file", True),
}


def parse_stdio_flags(argv: Sequence[str]) -> dict[str, Any] | None:
    """The flags of the bare `construction-mcp` command, or None when the full command line must judge `argv`."""
    flags: dict[str, Any] = {}
    words = list(argv)
    while words:
        name, joined, value = words.pop(0).partition("=")
        field, takes_value = COMMON_FLAGS.get(name, (None, False))
        if field is None or (joined and not takes_value):
            return None
        if takes_value and not joined:
            if not words:
                return None
            value = words.pop(0)
        flags[field] = value if takes_value else True
    return flags


def read_launch(flags: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any] | None = None) -> Launch:
    """Merge flags, environment and file into one Launch.

    Raises:
        Invalid: a value is not one of the allowed ones; the message names the setting and the choices.
    """
    config_file = flags.get("config_file") or environ.get(PREFIX + "CONFIG")
    if file is None:
        file = read_config_file(config_file)

    def setting(field: str, variable: str) -> Any:
        if field in flags:
            return flags[field]
        return environ.get(variable) or file.get(variable.removeprefix(PREFIX).lower())

    environment = str(setting("environment", "PROCORE_ENVIRONMENT") or "simulator")
    log_level = str(setting("log_level", PREFIX + "LOG_LEVEL") or "info").lower()
    _require(environment, ENVIRONMENTS, "PROCORE_ENVIRONMENT")
    _require(log_level, LOG_LEVELS, "--log-level")
    return Launch(
        data_dir=os.path.abspath(
            os.path.expanduser(setting("data_dir", PREFIX + "DATA_DIR") or default_data_dir(environ))
        ),
        toolsets=_names(setting("toolsets", PREFIX + "TOOLSETS")),
        read_only=truth(setting("read_only", PREFIX + "READ_ONLY"), PREFIX + "READ_ONLY"),
        environment=environment,
        log_level=log_level,
        config_file=config_file,
        server_url=setting("server_url", PREFIX + "SERVER") or None,
        token_file=setting("token_file", PREFIX + "TOKEN_FILE") or None,
    )


def read_config_file(path: str | None) -> dict[str, Any]:
    """The TOML file's top-level keys; empty without a file.

    Raises:
        Invalid: the file cannot be read or is not TOML.
    """
    if not path:
        return {}
    import tomllib  # 5 ms, and most starts have no file

    try:
        with open(path, "rb") as handle:
            return tomllib.load(handle)
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise Invalid(
            f"The config file {path} cannot be read: {problem}.", hint="Correct it or drop --config."
        ) from None


def default_data_dir(environ: Mapping[str, str]) -> str:
    """Where platformdirs would put it (a test compares), without the import."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.path.join(environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "construction-mcp")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "construction-mcp")
    return os.path.join(environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "construction-mcp")


def _names(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else (value or ())
    return tuple(sorted({str(word).strip() for word in words} - {""}))


def truth(value: Any, name: str) -> bool:
    """A switch as people write it. An unknown word must not quietly mean off: READ_ONLY is a protection.

    Raises:
        Invalid: it is neither yes nor no.
    """
    word = str(value if value is not None else "").strip().lower()
    if word not in _SWITCH:
        raise Invalid(f"{name} is {value!r}; it can be 1 or 0.")
    return _SWITCH[word]


def _require(value: str, choices: Sequence[str], name: str) -> None:
    if value not in choices:
        raise Invalid(f"{name} is {value!r}; it can be {', '.join(choices)}.")
