"""The host program: everything that Turnout does on a server. Python 3.8+, standard library only."""
