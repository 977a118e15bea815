"""asyncssh, imported without its search for libraries that Turnout has no use for.

Its import asks ctypes for liboqs and nettle, and ctypes asks ldconfig, gcc and ld, name after name: up to 11 processes
in every command. Without them there is no sntrup761, beside ML-KEM and curve25519, and no UMAC, beside HMAC and ciphers
that need neither.
"""

from __future__ import annotations

import ctypes.util

_search = ctypes.util.find_library
ctypes.util.find_library = lambda name: None  # noqa: ARG005 - what it is called with
try:
    import asyncssh
finally:
    ctypes.util.find_library = _search

__all__ = ["asyncssh"]
