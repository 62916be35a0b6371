"""An outside package with templates; reading those must not execute it."""

raise RuntimeError("executed")
