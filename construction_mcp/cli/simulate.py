"""`construction-mcp simulate`: the Procore simulator alone, for developing and for other people's clients."""

from construction_mcp.simulator.command import EXAMPLES, HELP, add_arguments, run

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]
