"""What runs and ran: look at executions, stop them, run them again, and decide what they ask."""
