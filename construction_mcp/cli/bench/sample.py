"""Our server over stdio, before a simulator in a process of its own."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from construction_mcp.cli.bench.effort import module, ours
from construction_mcp.cli.bench.pipe import Pipe
from construction_mcp.cli.bench.web import Line, get, require, speaking


@dataclass(frozen=True, slots=True)
class Sample:
    """A server, its simulator's port, ids of a company and a project there, and the app's credentials."""

    server: Pipe
    port: int
    company_id: int
    project_id: int
    credentials: Mapping[str, str]

    def refusals(self) -> tuple[int, int]:
        """Requests that the simulator got, and how many it refused for the rate."""
        line = Line(self.port)
        body = require(line.exchange(get("/_sim/ledger?since=0", {"host": f"127.0.0.1:{self.port}"})))
        line.close()
        entries = json.loads(body)["entries"]
        return len(entries), sum(entry["status"] == 429 for entry in entries)


UNHINDERED = {"PROCORE_RATE_WINDOWS": "1000000/3600,100000/10"}  # else a server keeps to the documented windows


@contextmanager
def sampled(data_dir: Path, rate: str, environ: Mapping[str, str] | None = None) -> Iterator[Sample]:
    """`rate`: as `simulate --rate-limit` has it. Every tool is listed."""
    simulate = module("construction_mcp", "simulate", "--port", "0", "--json", "--rate-limit", rate)
    with speaking(simulate) as (said, _):
        settings = account(said)
        with Pipe(ours(data_dir, "--toolsets", "all"), {**settings, **(environ or {})}) as server:
            server.open()
            port = int(said["api"].rpartition(":")[2])
            credentials = {name: said[name] for name in ("client_id", "client_secret")}
            yield Sample(server, port, said["company_id"], said["project_id"], credentials)


def account(said: Mapping[str, Any]) -> dict[str, str]:
    """The settings that connect to a simulator which said where it is."""
    return {
        "PROCORE_API_URL": said["api"],
        "PROCORE_LOGIN_URL": said["login"],
        "PROCORE_CLIENT_ID": said["client_id"],
        "PROCORE_CLIENT_SECRET": said["client_secret"],
        "PROCORE_COMPANY_ID": str(said["company_id"]),
        "PROCORE_GRANT": "client_credentials",
    }
