"""Procore submittals: find, read and update them."""
