"""The project schedule, read only."""
