"""Procore itself: connect an account, see its projects and people, any other documented call."""
