"""Procore daily logs: read any types over any days, and write entries."""
