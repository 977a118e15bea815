"""Revision to artifact and layers: everything that npm, Node and the user's own build commands make, made once."""
