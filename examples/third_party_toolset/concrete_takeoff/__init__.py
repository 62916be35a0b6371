"""Concrete take-off: how much a pour needs."""
