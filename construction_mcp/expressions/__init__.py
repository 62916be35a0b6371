"""What a user may compute in a workflow: expressions in CEL and `{{ }}` templates, checked before they run.

Nothing here evaluates a host language, and text that came from data is never read as an expression (security.md,
findings 2 and 3). Callers see `port.ExpressionEngine`; `cel` is the one engine behind it.
"""
