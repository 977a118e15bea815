"""What goes on looking: logs, live figures, the health from outside, and the journals of all hosts told together."""
