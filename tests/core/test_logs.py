"""What goes to stderr."""

import json
import subprocess
import sys

SCRIPT = """
import logging
from construction_mcp.core.logs import log_to_stderr
log_to_stderr("info")
log = logging.getLogger("construction_mcp.somewhere")
log.debug("too quiet")
log.info("first\\nsecond", extra={"code": "SYSTEM_BUSY"})
logging.getLogger("httpx").info("a library talks")
try:
    raise ValueError("broken")
except ValueError:
    log.exception("it failed")
"""


def test_logs_are_json_lines_on_stderr_and_nothing_on_stdout() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert ran.stdout == ""
    assert [line["message"] for line in lines] == ["first\nsecond", "it failed"]
    assert (lines[0]["level"], lines[0]["code"], lines[0]["logger"]) == (
        "info",
        "SYSTEM_BUSY",
        "construction_mcp.somewhere",
    )
    assert "ValueError: broken" in lines[1]["traceback"]
