"""Procore RFIs: find, read, ask, answer and close them."""
