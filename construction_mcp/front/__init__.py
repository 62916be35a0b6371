"""The front: everything a stdio process does before and around the SDK, with the standard library alone.

It holds the client's pipe for the life of the process (`session`), remembers what a successor must be told
(`conversation`), answers the first frames from bytes made in advance while the SDK imports (`static`, `answers`,
`fingerprint`), and passes frames to the owner of the data directory when that is another process (`bridge`).
`run` is the loop around them. A test proves that nothing outside the standard library is imported here.
"""
