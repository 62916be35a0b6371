"""Settings a person may choose, and every limit with its unit and reason."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import PREFIX, Launch, read_config_file


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of loops, queues, waits and sizes. Tests shrink them; people do not need to."""

    # wire
    frame_bytes_max: int = 4 * 1024 * 1024  # one JSON-RPC line or HTTP body; the SDK's own HTTP cap
    json_depth_max: int = 64  # far above any real argument, far below what breaks parsers
    drain_s: float = 10.0  # SIGTERM and stdin EOF: answer what was read, then end (PRODUCT.md section 3)
    linger_s: float = 1.0  # after the last answer
    sse_heartbeat_s: int = 15  # proxies close idle streams after 30-60 s
    stale_stream_s: float = 60.0  # a stream whose reader took nothing for this long is closed
    session_idle_s: float = 1800.0
    sessions_max: int = 1000

    # tools
    page_default: int = 25
    page_max: int = 100
    ids_max: int = 50
    result_bytes_max: int = 80_000  # about 25,000 tokens, the largest answer clients accept
    call_timeout_s: float = 120.0
    calls_in_flight_max: int = 1000  # beyond it SYSTEM_BUSY: memory stays bounded under a flood
    statements_per_call_warn: int = 10

    # simulator
    simulator_ledger_max: int = 100_000  # requests remembered: two weeks at one each ten seconds, 50 MB
    simulator_deliveries_max: int = 1_000  # finished deliveries kept per hook

    # store
    statement_timeout_s: float = 10.0
    statement_slow_ms: tuple[float, float, float] = (50.0, 100.0, 500.0)  # info, warning, error
    busy_timeout_s: float = 3.0  # one wait for a foreign lock; three tries in all
    busy_tries: int = 3
    busy_backoff_s: float = 0.1
    commit_batch_max: int = 500  # functions sharing one commit: bounds how long a reader waits behind it
    commit_queue_max: int = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose: flags over environment over TOML over defaults."""

    data_dir: Path
    toolsets: tuple[str, ...] = ()
    read_only: bool = False
    environment: str = "simulator"
    log_level: str = "info"
    token_file: Path | None = None

    company_id: int | None = None
    public_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    oauth_issuer: str | None = None
    oauth_audience: str | None = None
    oauth_jwks_url: str | None = None
    key_file: Path | None = None
    key: str | None = field(default=None, repr=False)
    db_log_all: bool = False

    limits: Limits = Limits()

    @property
    def database_file(self) -> Path:
        return self.data_dir / "construction.db"

    @property
    def is_simulated(self) -> bool:
        return self.environment == "simulator"


def load_settings(launch: Launch, environ: Mapping[str, str] | None = None) -> Settings:
    """Everything the process needs to know, checked once at start.

    Raises:
        Invalid: a setting has the wrong form; the message names it.
    """
    environ = os.environ if environ is None else environ
    file = read_config_file(launch.config_file)

    def text(variable: str) -> str | None:
        value = environ.get(variable) or file.get(variable.removeprefix(PREFIX).lower())
        return str(value) if value not in (None, "") else None

    def path(variable: str) -> Path | None:
        value = text(variable)
        return Path(value).expanduser() if value else None

    return Settings(
        data_dir=Path(launch.data_dir),
        toolsets=launch.toolsets,
        read_only=launch.read_only,
        environment=launch.environment,
        log_level=launch.log_level,
        token_file=Path(launch.token_file) if launch.token_file else None,
        company_id=_whole(text("PROCORE_COMPANY_ID"), "PROCORE_COMPANY_ID"),
        public_url=text(PREFIX + "PUBLIC_URL"),
        allowed_hosts=_words(text(PREFIX + "ALLOWED_HOSTS")),
        oauth_issuer=text(PREFIX + "OAUTH_ISSUER"),
        oauth_audience=text(PREFIX + "OAUTH_AUDIENCE"),
        oauth_jwks_url=text(PREFIX + "OAUTH_JWKS_URL"),
        key_file=path(PREFIX + "KEY_FILE"),
        key=text(PREFIX + "KEY"),
        db_log_all=text("DB_LOG_ALL") == "1",
    )


def _words(value: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (value or "").split(",") if word.strip())


def _whole(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if not str(value).isascii() or not str(value).isdigit():
        raise Invalid(f"{name} is {value!r}; it must be a whole number.")
    return int(value)
