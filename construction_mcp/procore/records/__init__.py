"""Procore's records as tools show them: one module per family, each from raw JSON to a small frozen dataclass.

Readers are lenient (any property may be missing or null, procore/README) and compact: what the next decision needs.
"""
