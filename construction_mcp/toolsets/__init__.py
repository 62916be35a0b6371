"""One folder per toolset, and adding a folder adds one: no list names them. Toolsets never import each other."""
