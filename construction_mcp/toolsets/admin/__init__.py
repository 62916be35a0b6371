"""Look after the server itself."""
