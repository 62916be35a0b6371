"""A toolset from elsewhere, for tests of the wire: calls that ask, count, wait and tell who called."""
