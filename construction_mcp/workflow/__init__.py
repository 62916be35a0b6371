"""What a user writes, and everything that can be said about it without running it. Pure: no I/O, clock or randomness.

`definition` is the document, `compiler` finds every problem in it at once and freezes a `plan`; `facts` is what the
compiler has to be told about the world.
"""
