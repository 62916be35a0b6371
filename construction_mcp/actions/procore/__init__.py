"""Procore's records as actions: one module per family, which says what may be read and written of it.

`kinds` is what they have in common. What one action may do and cost follows `procore/records/`, whose readers perform
it; nothing is declared that those cannot do.
"""
