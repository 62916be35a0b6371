"""Write, read and change workflow definitions."""
