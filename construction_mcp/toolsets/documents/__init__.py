"""Project documents, drawings and specifications, read only."""
