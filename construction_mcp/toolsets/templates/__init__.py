"""Workflows to start from: find one, look at it, and make it yours."""
