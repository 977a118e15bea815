"""Turnout leads the users of a backend from one release to the next while it runs."""

__version__ = "0.1.0"
