"""How bytes leave this machine: which addresses may be reached, how long and how much, and when to try again."""
