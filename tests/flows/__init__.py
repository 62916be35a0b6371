"""Journeys through a real MCP client, from what a person says to what Procore and the workspace then hold."""
