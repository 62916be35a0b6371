"""construction-mcp: automations on Procore that run, explain themselves and ask before they act.

This file stays empty of imports: `front` must answer the first frame within milliseconds of the spawn.
"""

__version__ = "0.1.0"
