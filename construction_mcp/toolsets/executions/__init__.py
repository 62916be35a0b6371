"""What runs and ran: see it, stop it, run it again, and decide what it asks of people."""
