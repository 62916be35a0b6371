"""A toolset from elsewhere, for tests: a call that waits at a gate, and one that makes noise."""
