"""`host rotate-key`: another SSH key on every host, so that at every moment at least one key logs in.

The order: the new key is on this machine's disk; every host takes it; every host proves it over a new connection; it
is put where the old one was; then, host by host, the old one goes and is proved to fail. Until the last part any
failure is undone over the connections of the old key; in it, over that of the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from turnout import failpoints
from turnout.errors import LoginError, TurnoutError, Unreachable
from turnout.runner import connect

if TYPE_CHECKING:
    from turnout.config.schema import Environment
    from turnout.config.surroundings import Reach
    from turnout.hosts.client import HostClient
    from turnout.hosts.keyfile import Pair
    from turnout.model import Address

COMMAND = "rotate-key"
"""The work of its failpoints."""


@dataclass
class Rotation:
    """One rotation. `place` puts the new key where it belongs on this machine, and raises OSError."""

    environment: Environment
    reach: Reach
    old: Pair
    new: Pair
    by: str
    place: Callable[[], None]
    say: Callable[[str], None]
    options: dict[str, str] = field(default_factory=dict)
    """By host: the options in front of the old key that the new one has too."""
    tried: bool = False
    """Whether any host was asked to take the new key."""
    may_have: set[Address] = field(default_factory=set)
    """Hosts that took it, or whose answer was lost."""
    left: list[str] = field(default_factory=list)
    """Hosts that may still have the new key after it was taken back."""
    done: list[str] = field(default_factory=list)
    """Hosts that have only the new key."""

    async def run(self) -> None:
        """All of it. Raises TurnoutError; `state` then says which keys log in where."""
        async with AsyncExitStack() as stack:
            old = await self._all(lambda address: self._open(stack, address, self.old), _NOTHING)
            try:
                self.tried = True
                await self._all(lambda address: self._add(old[address]), "")
                failpoints.at(COMMAND, "added")
                new = await self._all(lambda address: self._prove(stack, address), "")
                failpoints.at(COMMAND, "proved")
                self.place()
                failpoints.at(COMMAND, "placed")
            except BaseException as error:
                await asyncio.shield(self._undo(old))
                raise self._undone(error) from error
            await self._retire_all(stack, new)

    async def begun(self) -> bool:
        """Was this rotation cut off when the new key was in its place already? Changes nothing.

        So it was where every host takes the new key, has noted it, and either knows it as the one that replaces the
        old key or does not take that any more.
        """
        async with AsyncExitStack() as stack:
            try:
                new = await self._all(lambda address: self._open(stack, address, self.new), _NOTHING)
            except LoginError:
                return False
            for address, client in new.items():
                noted = {one["fingerprint"]: one["replaces"] for one in (await client.call("keys"))["keys"]}
                if noted.get(self.new.fingerprint, "") not in (None, self.old.fingerprint):
                    return False
                if noted[self.new.fingerprint] is None and await self._logs_in(stack, address):
                    return False
            return True

    async def _logs_in(self, stack: AsyncExitStack, address: Address) -> bool:
        try:
            await self._open(stack, address, self.old)
        except LoginError:
            return False
        return True

    async def finish(self) -> None:
        """The last part of a rotation that has begun. Raises as `run`."""
        async with AsyncExitStack() as stack:
            await self._retire_all(
                stack, await self._all(lambda address: self._open(stack, address, self.new), "")
            )

    async def _retire_all(self, stack: AsyncExitStack, new: dict[Address, HostClient]) -> None:
        for address in self.reach.hosts:
            await self._retire_or_say(stack, address, new[address])

    async def _all(self, act: Callable[[Address], Any], state: str) -> dict[Address, Any]:
        """Do it on every host at once; after all have ended the first failure is raised, the others are its reasons."""
        hosts = self.reach.hosts
        outcomes = await asyncio.gather(*(act(address) for address in hosts), return_exceptions=True)
        failures: list[TurnoutError] = []
        for address, outcome in zip(hosts, outcomes, strict=True):
            if isinstance(outcome, TurnoutError):
                outcome.host = str(address)
                failures.append(outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
        if failures:
            first, *others = failures
            first.why += [f"{other.host}: {other.message}" for other in others]
            first.state = first.state or state
            raise first
        return dict(zip(hosts, outcomes, strict=True))

    async def _open(self, stack: AsyncExitStack, address: Address, key: Pair) -> HostClient:
        client = await connect(self.environment, replace(self.reach, key=key.private), address)
        stack.push_async_callback(client.close)
        return client

    async def _add(self, client: HostClient) -> None:
        self.may_have.add(client.address)
        try:
            found = await client.call("authorize", key=self.new.public, like=self.old.fingerprint, by=self.by)
        except TurnoutError as error:
            if not isinstance(error, Unreachable):
                self.may_have.discard(client.address)
            raise
        self.options[str(client.address)] = found["options"]
        with_options = f", with its options {found['options']}" if found["options"] else ""
        self.say(f"{client.address}: {self.new.fingerprint} is in {found['file']}{with_options}")

    async def _prove(self, stack: AsyncExitStack, address: Address) -> HostClient:
        try:
            client = await self._open(stack, address, self.new)
        except LoginError as error:
            error.message = f"{address} does not take the new key"
            if options := self.options.get(str(address)):
                error.why.append(f"it has the old key's options: {options}")
            raise
        self.say(f"{address}: the new key logs in")
        return client

    async def _undo(self, old: dict[Address, HostClient]) -> None:
        """Take the new key away again wherever it is; a host that cannot be told keeps a key that nobody else has."""
        gone: dict[str, Any] = {
            "fingerprints": [self.new.fingerprint],
            "keep": self.old.fingerprint,
            "by": self.by,
        }
        clients = [client for address, client in old.items() if address in self.may_have]
        self.left = [
            str(client.address) for client in clients
        ]  # should nobody wait for the answers (Ctrl-C again)
        ended = await asyncio.gather(
            *(client.call("deauthorize", **gone) for client in clients), return_exceptions=True
        )
        pairs = zip(clients, ended, strict=True)
        self.left = [str(client.address) for client, end in pairs if isinstance(end, BaseException)]

    def _undone(self, error: BaseException) -> BaseException:
        state = "the old key logs in everywhere, as before; the new one was taken back"
        if self.left:
            state = f"the old key logs in everywhere; the new one may still be on {', '.join(self.left)}"
        if isinstance(error, TurnoutError):
            error.state = state
            return error
        if isinstance(error, OSError):
            why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            return TurnoutError(
                "the new key could not be put in its place on this machine", why=why, state=state
            )
        return error

    async def _retire_or_say(self, stack: AsyncExitStack, address: Address, client: HostClient) -> None:
        try:
            await self._retire(stack, address, client)
        except TurnoutError as error:
            error.host = str(address)
            both = [str(other) for other in self.reach.hosts if str(other) not in self.done]
            only = f"; {', '.join(self.done)} has only that" if self.done else ""
            error.state = f"the new key logs in everywhere{only}; {', '.join(both)} may take the old one, too"
            error.remedy = error.remedy or ["mend the cause, then the same command again"]
            raise
        self.done.append(str(address))
        failpoints.at(COMMAND, "retired")

    async def _retire(self, stack: AsyncExitStack, address: Address, client: HostClient) -> None:
        """Remove the old key, and what an earlier rotation did not get to; then prove both over new connections."""
        gone = replaced((await client.call("keys"))["keys"], self.old.fingerprint)
        await client.call("deauthorize", fingerprints=gone, keep=self.new.fingerprint, by=self.by)
        failpoints.at(COMMAND, "removed")
        try:
            await self._open(stack, address, self.new)
        except TurnoutError as error:
            await client.call("reauthorize", by=self.by)  # over the connection that is still open
            error.why.append("so the old key was put back there")
            raise
        await self._fails(stack, address)

    async def _fails(self, stack: AsyncExitStack, address: Address) -> None:
        if not await self._logs_in(stack, address):
            self.say(f"{address}: the old key is gone, and is refused")
            return
        raise TurnoutError(
            f"{address} still takes the old key {self.old.fingerprint}",
            why="it is gone from authorized_keys: sshd has it from somewhere else as well",
            state="both keys log in there",
            remedy=[
                "remove it there: AuthorizedKeysFile, AuthorizedKeysCommand or a certificate in sshd_config"
            ],
        )


def replaced(keys: list[dict[str, Any]], old: str) -> list[str]:
    """`old`, and what it was to replace, and so on: each rotation that is cut off leaves one more. Pure."""
    before = {str(one["fingerprint"]): one["replaces"] for one in keys}
    gone = [old]
    while (mark := before.get(gone[-1])) and mark not in gone:
        gone.append(str(mark))
    return gone


_NOTHING = "nothing was changed: the old key logs in as before"
