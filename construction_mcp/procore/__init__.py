"""Everything known about Procore: hosts, tokens, rate windows, answers, pages, webhooks.

`client.py` is the door; the rest are its parts. Reads `core/`, `net/` and `cache.py`; what it stores goes through the
Protocols in `tokens.py`, so this room knows no SQL.
"""
