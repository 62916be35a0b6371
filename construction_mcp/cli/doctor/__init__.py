"""`construction-mcp doctor`: what is set up, what is missing, and the next step for each."""

import argparse

from construction_mcp.cli import launch_of, show
from construction_mcp.core.errors import ConstructionError

HELP = "Check the installation, the workspace, its channels and the clients; changes nothing."
EXAMPLES = """\
  construction-mcp doctor
  construction-mcp doctor --data-dir ~/jobs
  construction-mcp doctor --send-test-mail you@builder.com
  construction-mcp doctor --json             exit code 1 when something is broken
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--send-test-mail", metavar="ADDR", help="send one mail there, to try the mail server")
    parser.set_defaults(host=None, port=None, token_file=None)  # what a service would be given


def run(args: argparse.Namespace) -> int:
    from construction_mcp.cli.doctor.channels import channels, try_mail
    from construction_mcp.cli.doctor.clients import starters
    from construction_mcp.cli.doctor.findings import Finding, as_text
    from construction_mcp.cli.doctor.installation import installation
    from construction_mcp.cli.doctor.workspace import workspace

    try:
        launch = launch_of(args)
    except ConstructionError as problem:
        # A setting that cannot be read hides the workspace, not the rest.
        findings = [Finding("Settings", "settings", "broken", problem.message, problem.hint), *starters(args)]
    else:
        tried = [try_mail(launch, args.send_test_mail)] if args.send_test_mail else []
        findings = [*installation(launch), *workspace(launch), *channels(launch), *tried, *starters(args)]
    broken = any(finding.status == "broken" for finding in findings)
    show(args, {"ok": not broken, "findings": [finding.public() for finding in findings]}, as_text(findings))
    return 1 if broken else 0
