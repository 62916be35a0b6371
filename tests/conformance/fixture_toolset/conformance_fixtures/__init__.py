"""What the MCP conformance suite calls, reads and asks for; its scenario descriptions fix every name and text here."""
