"""A toolset for tests: every kind of argument, effect and ending."""
