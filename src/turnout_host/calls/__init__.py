"""The calls of docs/protocol.md by name. Each takes host, args and say, checks its arguments, and does its part."""

from __future__ import annotations

from typing import Any, Callable, Dict

from turnout_host.calls import deployment, goods, keys, looking, switching
from turnout_host.host import Args, Host, Say

CALLS: Dict[str, Callable[[Host, Args, Say], Dict[str, Any]]] = {
    "facts": looking.call_facts,
    "state": looking.call_state,
    "survey": looking.call_survey,
    "status": looking.call_status,
    "health": looking.call_health,
    "history": looking.call_history,
    "lacks": goods.call_lacks,
    "upload": goods.call_upload,
    "lay_layer": goods.call_lay_layer,
    "make_layer": goods.call_make_layer,
    "stage": goods.call_stage,
    "dotenv": goods.call_dotenv,
    "install": goods.call_install,
    "prune": goods.call_prune,
    "acquire": deployment.call_acquire,
    "backup": deployment.call_backup,
    "migrate": deployment.call_migrate,
    "finish": deployment.call_finish,
    "rehearse": switching.call_rehearse,
    "activate": switching.call_activate,
    "watch": switching.call_watch,
    "keys": keys.call_keys,
    "authorize": keys.call_authorize,
    "deauthorize": keys.call_deauthorize,
    "reauthorize": keys.call_reauthorize,
}
READ_ONLY = {"facts", "state", "acquire", "survey", "watch", "status", "health", "history", "keys"}
OWN_LEASE = {"authorize", "deauthorize", "reauthorize"}
"""Calls that change something outside of a deployment, under a lease that they take for themselves."""
MUTATING = set(CALLS) - READ_ONLY - OWN_LEASE
"""Calls that need the newest token."""
