"""Serves one deployer: reads frames, answers pings at once, carries requests out in order (docs/protocol.md)."""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import signal
import sys
import threading
import traceback
from typing import Any, Dict, Iterator, List, Optional

from turnout_host import children, compression, failpoints, memory, recovery
from turnout_host.calls import CALLS, MUTATING
from turnout_host.errors import HostError, UsageError
from turnout_host.host import Args, Host
from turnout_host.protocol import Channel, Frame, Gone
from turnout_host.store import full_disk

VERSION = 1
WINDOW = 16
"""Upload frames that may wait in memory; more than that holds the sender back (16 of 256 KiB = 4 MB)."""
DATABASE = {"migrate", "restore"}
"""What changes the database is never told as refused for want of room."""
LAST_WORDS = 5.0
"""Seconds that a call gets to put away what it has when the deployer is gone (an upload keeps what arrived)."""


def serve(path: str) -> int:
    """Run until the deployer is gone; then end what was started, but let a migration finish (DESIGN 6)."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sink = os.dup(1)
    os.dup2(2, 1)  # nothing but frames may reach the deployer's end
    memory.give_back()
    channel = Channel(0, sink)
    try:
        host = Host(path)
        children.own(path, host.lease)
    except (HostError, OSError) as error:
        channel.send({"error": {"code": "survey", "message": str(error), "detail": {}}})
        return 1
    hello = {
        "protocol": VERSION,
        "pid": os.getpid(),
        "python": platform.python_version(),
        "compressions": compression.available(),
    }
    channel.send({"hello": hello})
    Server(host, channel).run()
    sys.stdout.flush()
    os._exit(0)  # the worker may hang in a call that nobody waits for


class Server:
    """One connection: a reader (this thread) and a worker that carries out one request after another."""

    def __init__(self, host: Host, channel: Channel) -> None:
        self._host, self._channel = host, channel
        self._requests: queue.Queue[Optional[Dict[str, Any]]] = queue.Queue()
        self._data: queue.Queue[Optional[bytes]] = queue.Queue(WINDOW)
        self._worker = threading.Thread(target=self._work, daemon=True)

    def run(self) -> None:
        """Read until the deployer is gone, then leave in order."""
        self._worker.start()
        try:
            while True:
                self._hear(self._channel.read())
        except (Gone, ValueError):
            self._leave()

    def _hear(self, frame: Frame) -> None:
        if frame.kind == b"D":
            self._data.put(frame.payload)
            return
        message = frame.json()
        if "ping" in message:
            self._channel.send({"pong": message["ping"]})
        elif "call" in message:
            self._requests.put(message)

    def _leave(self) -> None:
        self._host.leaving.set()
        must_finish = children.end_all()
        # at once, or the same command typed again would take us for a living deployer and be refused
        self._host.lease.orphan("finishing a migration" if must_finish else "ending what it began")
        for request in self._unheard():
            self._requests.put(request)
        self._requests.put(None)
        self._close_data()
        self._worker.join(None if must_finish else LAST_WORDS)
        if not self._worker.is_alive():
            recovery.after_deployer(self._host.layout, self._host.journal, self._host.lease)

    def _unheard(self) -> List[Dict[str, Any]]:
        """Of the requests that wait, the word on a group: it needs no lease, and nobody says it again."""
        waiting = []
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.append(self._requests.get_nowait())
        return [request for request in waiting if request and request.get("call") == "group"]

    def _close_data(self) -> None:
        """Wake an upload that waits for data which will never come."""
        while True:
            try:
                self._data.put_nowait(None)
                return
            except queue.Full:
                threading.Event().wait(0.01)
                if not self._worker.is_alive():
                    return

    def _work(self) -> None:
        while True:
            request = self._requests.get()
            if request is None:
                return
            self._answer(request)
            self._host.do_later()

    def _answer(self, request: Dict[str, Any]) -> None:
        number, name = request.get("id"), request.get("call")
        try:
            answer = self._carry_out(
                str(name),
                request.get("args"),
                lambda event: self._channel.send({"id": number, "event": event}),
            )
            self._channel.send({"id": number, "ok": answer})
        except HostError as error:
            self._fail(number, error.code, error.message, error.detail)
        except (OSError, InterruptedError) as error:
            self._fail(number, "unexpected", f"{name}: {error}", {})
        except Exception as error:  # noqa: BLE001 - a bug here must reach the person, not hang the deployer
            self._fail(
                number,
                "unexpected",
                f"{name}: {error!r}",
                {"tail": traceback.format_exc().splitlines()[-12:]},
            )

    def _carry_out(self, name: str, args: Any, say: Any) -> Dict[str, Any]:
        if name not in CALLS or not isinstance(args, dict):
            raise UsageError(f"no such call: {name}")
        if name != "upload":
            return self._called(name, args, say)
        chunks = self._chunks()
        try:
            return self._called(name, dict(args, chunks=chunks), say)
        finally:
            for _ in chunks:  # an upload that failed half-way: what is still under way belongs to it
                pass

    def _called(self, name: str, args: Dict[str, Any], say: Any) -> Dict[str, Any]:
        if name in MUTATING:
            self._host.lease.check(int(args.get("token") or 0))
        failpoints.begin(name)
        with contextlib.nullcontext() if name in DATABASE else full_disk():
            answer = CALLS[name](self._host, Args(args), say)
        failpoints.at(name, "exit")
        return answer

    def _chunks(self) -> Iterator[bytes]:
        while True:
            chunk = self._data.get()
            if chunk is None:
                self._data.put(None)
                raise Gone("the upload was cut")
            if not chunk:
                return
            yield chunk

    def _fail(self, number: Any, code: str, message: str, detail: Dict[str, Any]) -> None:
        self._channel.send({"id": number, "error": {"code": code, "message": message, "detail": detail}})
