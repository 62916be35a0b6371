"""A Task Scheduler task that starts at logon. Source: Microsoft, "Task Scheduler schema" and "schtasks create".

Written from the documentation and untested on Windows, as the README says.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from construction_mcp.cli.service.plan import Plan

TASK = "construction-mcp"


def plan(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> Plan:
    """The task's definition and the schtasks calls around it."""
    local = environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    file = Path(local) / "construction-mcp" / "service.xml"
    return Plan(
        manager="Task Scheduler",
        file=file,
        text=task_text(command),
        encoding="utf-16",  # what schtasks reads; the byte order mark is part of it
        reach=("schtasks", "/Query", "/FO", "LIST"),
        start=(
            ("schtasks", "/Create", "/TN", TASK, "/XML", str(file), "/F"),
            ("schtasks", "/Run", "/TN", TASK),
        ),
        stop=(("schtasks", "/End", "/TN", TASK), ("schtasks", "/Delete", "/TN", TASK, "/F")),
        status=("schtasks", "/Query", "/TN", TASK),
        hint="It starts at your next logon too.",
    )


def task_text(command: Sequence[str]) -> str:
    """The task as XML. It holds no secret: settings come from flags or the file that --config names."""
    arguments = subprocess.list2cmdline(command[1:])
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>construction-mcp, automations on Procore</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Principals>
    <Principal id="Author"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>255</Count></RestartOnFailure>
    <Hidden>true</Hidden>
  </Settings>
  <Actions Context="Author">
    <Exec><Command>{escape(command[0])}</Command><Arguments>{escape(arguments)}</Arguments></Exec>
  </Actions>
</Task>
"""
