"""The calls of docs/protocol.md by name. Each takes host, args and say, checks its arguments, and does its part."""

from __future__ import annotations

from typing import Any, Callable, Dict

from turnout_host.calls import (
    adopting,
    databases,
    deployment,
    environment,
    goods,
    keeping,
    keys,
    logs,
    looking,
    offering,
    planning,
    switching,
)
from turnout_host.host import Args, Host, Say

CALLS: Dict[str, Callable[[Host, Args, Say], Dict[str, Any]]] = {
    "facts": looking.call_facts,
    "state": looking.call_state,
    "survey": looking.call_survey,
    "status": looking.call_status,
    "health": looking.call_health,
    "since": looking.call_since,
    "known": offering.call_known,
    "offer": offering.call_offer,
    "give": offering.call_give,
    "history": looking.call_history,
    "logs": logs.call_logs,
    "sample": looking.call_sample,
    "lacks": goods.call_lacks,
    "upload": goods.call_upload,
    "lay_layer": goods.call_lay_layer,
    "make_layer": goods.call_make_layer,
    "stage": goods.call_stage,
    "dotenv": goods.call_dotenv,
    "install": goods.call_install,
    "prune": goods.call_prune,
    "acquire": deployment.call_acquire,
    "pin": keeping.call_pin,
    "backup": keeping.call_backup,
    "check_backup": keeping.call_check_backup,
    "restore": keeping.call_restore,
    "read_dotenv": environment.call_read_dotenv,
    "try_dotenv": environment.call_try_dotenv,
    "keep_dotenv": environment.call_keep_dotenv,
    "stage_again": environment.call_stage_again,
    "change_dotenv": environment.call_change_dotenv,
    "migrate": deployment.call_migrate,
    "finish": deployment.call_finish,
    "rehearse": switching.call_rehearse,
    "activate": switching.call_activate,
    "watch": switching.call_watch,
    "adoption": adopting.call_adoption,
    "adopt": adopting.call_adopt,
    "outlook": planning.call_outlook,
    "database": databases.call_database,
    "prove_adopted": adopting.call_prove_adopted,
    "keys": keys.call_keys,
    "authorize": keys.call_authorize,
    "deauthorize": keys.call_deauthorize,
    "reauthorize": keys.call_reauthorize,
}
READ_ONLY = {
    "facts",
    "state",
    "acquire",
    "survey",
    "watch",
    "status",
    "health",
    "adoption",
    "outlook",
    "database",
    "read_dotenv",
    "try_dotenv",
    "since",
    "offer",
    "give",
    "history",
    "logs",
    "sample",
    "keys",
}
OWN_LEASE = {"authorize", "deauthorize", "reauthorize"}
"""Calls that change something outside of a deployment, under a lease that they take for themselves."""
MUTATING = set(CALLS) - READ_ONLY - OWN_LEASE
"""Calls that need the newest token."""
