"""What can be called, and calling it.

`manifest` is the committed description of a toolset, `build` writes it from the code, `catalog` finds and reads all of
them without importing a tool, `dispatch` validates, imports on first use, injects and shapes the answer.
"""
