"""How the host program is started (docs/protocol.md): by one constant command, whatever the host and the path."""

from __future__ import annotations

import ast
import contextlib
import json
from typing import TYPE_CHECKING, Any

from turnout.errors import SurveyRefused, Unreachable
from turnout.hosts import zipapp
from turnout.hosts.base import LinkLost
from turnout.hosts.faults import fault, typed

if TYPE_CHECKING:
    from turnout.errors import TurnoutError
    from turnout.hosts.base import Link
    from turnout.hosts.frames import Wire
    from turnout.model import Address

NOT_FOUND = 127
"""The status of sh, bash, zsh and fish when there is no such program; csh says it only in words."""


def _code() -> str:
    source = (zipapp.folder() / "loader.py").read_text()
    docstring = ast.parse(source).body[0].end_lineno  # it is for readers of the file, and need not travel
    source = "".join(source.splitlines(keepends=True)[docstring:])
    bad = set("'!\\") & set(source)
    assert not bad, f"the loader is not safe in every shell's quotes: {bad}"
    return f"exec({json.dumps(source)})"


CODE = _code()
"""The loader as one line of Python."""
COMMAND = f"exec python3 -I -u -c '{CODE}'"
"""The same for the login shell of any host."""


async def start(wire: Wire, link: Link, path: str, address: Address) -> dict[str, Any]:
    """Have the loader become the host program for the app at `path`; returns its hello.

    Raises SurveyRefused when the host cannot run or keep it, Unreachable when something else answers.
    """
    program = zipapp.packed()
    try:
        await _tell(wire, _line({"path": path, "digest": program.digest, "size": len(program.content)}))
        answer = _good((await wire.read()).json(), address)
        if answer.get("need"):
            await _tell(wire, program.content)
        answer = _good((await wire.read()).json(), address)
        hello: dict[str, Any] = answer["hello"]
        return hello
    except LinkLost as error:
        refusal = await _explain(error, wire, link, address)
    raise refusal


async def _tell(wire: Wire, data: bytes) -> None:
    with contextlib.suppress(
        LinkLost
    ):  # who ended before it listened has perhaps said why: that is still to be read
        await wire.raw(data)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _good(answer: dict[str, Any], address: Address) -> dict[str, Any]:
    if "error" in answer:
        raise fault(answer["error"], address)
    return answer


async def _explain(error: LinkLost, wire: Wire, link: Link, address: Address) -> TurnoutError:
    status, tail = await link.exit_status(), link.stderr_tail()
    missing = any("python3" in line and "not found" in line.lower() for line in tail)
    if status == NOT_FOUND or missing:
        remedy = typed("ssh -t {host} sudo apt install python3", address)
        return SurveyRefused(f"{address} has no python3", why=tail[-3:], remedy=remedy)
    return silent(address, wire, tail, f"{error}" + ("" if status is None else f" (exit status {status})"))


def silent(address: Address, wire: Wire, stderr: list[str], reason: str) -> Unreachable:
    """The login works, but no host program answers: with what came instead."""
    noise = [line for line in wire.noise.decode("utf-8", "replace").splitlines() if line.strip()]
    return Unreachable(
        f"{address} lets us in, but the host program does not answer",
        why=[reason, *noise[-5:], *stderr[-5:]],
        remedy="look at what a login prints and does there: " + typed("ssh {host} true", address),
    )
