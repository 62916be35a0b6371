"""What was measured on: numbers of two machines cannot be compared without it."""

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from construction_mcp import __version__
from construction_mcp.cli.bench.row import REFERENCE_BARE_START_S

_PACKAGES = ("mcp", "pydantic", "uvicorn", "dbos")


def machine(bare_start_s: float) -> dict[str, Any]:
    """Processor, cores, versions, load, and the calibration: how long a bare SDK server takes to its first answer."""
    return {
        "construction_mcp": __version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: _version(name) for name in _PACKAGES},
        "load_average": [round(one, 1) for one in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "bare_sdk_start_s": round(bare_start_s, 3),
        "slowness": round(bare_start_s / REFERENCE_BARE_START_S, 2),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
