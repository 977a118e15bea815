"""`turnout plan`: what a deployment would do on each host, found out before anything happens there.

`look.py` gathers; `locks.py`, `pending.py` and `forecast.py` are functions of values.
"""

from __future__ import annotations
