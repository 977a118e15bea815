"""A TCP proxy on 127.0.0.1 whose link can be cut, or frozen: open, but nothing comes through any more."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class Proxy:
    """`async with Proxy(target_port) as proxy:` listens on `proxy.port`."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._heard = asyncio.Event()
        self._heard.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> bool:
        """Reset every connection in both directions; False when there has been none yet."""
        for writer in self._writers:
            writer.transport.abort()
        self._heard.set()
        return bool(self._writers)

    def freeze(self) -> None:
        """Let nothing through from now on, and say so to nobody: a cable that was pulled."""
        self._thawed.clear()
        self._heard.clear()

    def mute(self) -> None:
        """Let no answer through any more; requests still arrive. The next `cut` ends that."""
        self._heard.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, far_writer]
        self._pumps += [
            asyncio.create_task(self._pump(reader, far_writer, self._thawed)),
            asyncio.create_task(self._pump(far_reader, writer, self._heard)),
        ]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, free: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await free.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()


class ProxyThread:
    """A Proxy for tests that wait: `with ProxyThread(target_port) as proxy:`, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self._target, self._ready, self._over = target, threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with Proxy(self._target) as self._proxy:
            self.port = self._proxy.port
            self._ready.set()
            await self._over.wait()

    def __enter__(self) -> ProxyThread:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def cut(self) -> bool:
        """Reset every connection; on return it is done. False when there has been none yet."""

        async def act() -> bool:
            return self._proxy.cut()

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)

    def freeze(self) -> None:
        """Let nothing through from now on."""
        self._loop.call_soon_threadsafe(self._proxy.freeze)
