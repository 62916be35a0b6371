"""What a user writes, and what can be said about it without running it. Pure: no I/O, no clock, no randomness.

Today: the definition and its structural problems. The compiler, plans, versions and templates join it with their issue.
"""
