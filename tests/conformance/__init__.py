"""Conformance, client and linter checks against real server processes: `python -m tests.conformance.run`."""
