"""`/dashboard`: what runs, what waits for whom, and what went wrong, for a person in a browser.

Rendered here, readable without a script, and kept fresh by a small one of our own. A page is a pure function from what
was read to markup (`views/`), markup escapes by construction (`markup`), and `routes` is the only module that reads.
Nobody is let in by an address alone: `login` opens a session for a bearer or a one-time link, and the session ends with
its bearer (`session`). Only a form of a page that this session was shown can decide anything.

No template engine: pages are small trees, a function per part is shorter than a template with its context, and what
escapes is a type that mypy checks.
"""
