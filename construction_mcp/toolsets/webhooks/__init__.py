"""Procore webhooks of this server: make, list and delete them."""
