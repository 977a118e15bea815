"""The parts of `turnout demo`."""
