"""What a workflow could be, lacks or did, said so that a person or a model can act on it.

It stands on floor 5, above `workflow` and `actions`, because it explains them; nothing here is needed to run one.
Everything is pure: who calls it fetches what it has to know.
"""
