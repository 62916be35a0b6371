"""Ground floor: nouns, errors, time, limits. Imports nothing of ours and, where it can, only the standard library."""
