"""`turnout plan`: what a deployment would do on each host, found out before anything happens there.

`look.py` gathers, `outlook.py` is what comes of it; `locks.py`, `pending.py`, `forecast.py` are functions of values.
"""

from __future__ import annotations
