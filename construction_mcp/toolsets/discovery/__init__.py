"""Reach every tool without listing it: find by words, then use."""
