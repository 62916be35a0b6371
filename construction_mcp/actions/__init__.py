"""The kinds of action a workflow can be made of: one module per family, found by the type's name.

`procore.rfi.list` is in `procore/rfi.py`, `procore.request` in `procore/request.py`, `notify.email` in `notify.py`: the
longest prefix of the name that is a module. A package outside adds a family with an entry point in the group
`construction_mcp.actions` whose name is the family (`concrete`) and whose value is a module. There is no list to add
to.
"""
