"""What goes on looking: logs, live figures, and the health from outside."""
