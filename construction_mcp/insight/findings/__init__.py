"""What can be wrong with a workflow: one file for each place to look, each pure and reading one `Case`.

A file gives its findings as `found(case)`; the list in `insight/diagnose.py` names the files, in the order in which
equally bad findings are told.
"""
