"""Turning a checked draft into something that runs: facts from Procore, consent, activation, and going back."""
