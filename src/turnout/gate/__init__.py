"""The gate: may this revision go there now? Questions, answers, evidence and a verdict; pure functions (DESIGN 8).

`rules.py` has a function a question, `verdict.py` says what the answers amount to, `calendar.py` knows when the
windows are open. Only `github.py` asks anybody. Who gathers the facts: `steps/evidence.py`.
"""

from __future__ import annotations
