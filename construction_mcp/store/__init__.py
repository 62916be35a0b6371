"""Everything that survives a restart, in one SQLite file.

`database` is the only door (one connection, one function per transaction, group commit); `queries` reads the statements
from `sql/`; `migrate` keeps the schema; then one module per aggregate, each with its `sql/<aggregate>.sql`.
"""
