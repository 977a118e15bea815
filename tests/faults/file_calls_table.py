"""The part of docs/faults.md about file calls: a row for each work and fault."""

from __future__ import annotations

from typing import Any

KIND = "file call"
HEAD = """
### At every file call

The host program is hurt at its N-th call that changes a file, N = 1, 2, 3 … until none is left (`test_file_calls`).
Not met: that run came to no such call (how often it looks into the journal differs). Red: what the deployer was told
was not true, or something was half done after the next contact, or the same work did not end well then.

| work | fault | N tried of all | not met | green | red |
| --- | --- | --- | --- | --- | --- |
"""


def section(results: list[dict[str, Any]]) -> str:
    """Nothing where none of it was run."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in results:
        if one.get("kind") == KIND:
            rows.setdefault((one["work"], one["fault"]), []).append(one)
    return HEAD + "".join(_row(*key, rows[key]) for key in rows) if rows else ""


def _row(work: str, fault: str, ran: list[dict[str, Any]]) -> str:
    red = [one for one in ran if one["problems"]]
    met = sum(1 for one in ran if one["met"])
    of = max(one["of"] for one in ran)
    why = "; ".join(f"{one['n']}: {', '.join(one['problems'])}" for one in red).replace("|", "/")
    told = f"**RED** {len(red)}: {why}" if red else "0"
    green = sum(1 for one in ran if one["met"] and not one["problems"])
    return f"| {work} | {fault} | {len(ran)} of {of} | {len(ran) - met} | {green} | {told} |\n"
