"""A small HTTP server that misbehaves on request stands for the app."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from turnout.cli.demo.traffic import Figures, Traffic, TrafficThread

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
JSON = b'{"release": "v1"}'


def answer(status: int = 200, body: bytes = JSON, close: bool = False) -> bytes:
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + (b"Connection: close\r\n" if close else b"") + b"\r\n" + body


class App:
    """Answers each request with what `reply` gives for its path; None cuts the connection instead."""

    def __init__(self, reply: Callable[[str], bytes | None]) -> None:
        self.reply, self.connections = reply, 0
        self.heads: list[bytes] = []
        self.enough = asyncio.Event()
        self.wanted = 30
        self.ends = True
        """Whether it ends a connection itself after `Connection: close`."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if len(self.heads) >= self.wanted:
                    self.enough.set()
                said = self.reply(head.decode().split(" ")[1])
                if said is None:
                    break
                writer.write(said)
                if self.ends and b"Connection: close" in said + head:
                    break
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


async def run(app: App, path: str | list[str] = "/", **clients: float) -> Traffic:
    """Let clients loose on the app until it has had enough."""
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    async with server:
        traffic = Traffic(
            server.sockets[0].getsockname()[1],
            path,
            int(clients.get("keep_alive", 0)),
            int(clients.get("fresh", 0)),
            pause=0.001,
            patience=clients.get("patience", 10),
        )
        await traffic.start()
        await asyncio.wait_for(app.enough.wait(), 30)
        await traffic.stop()
    return traffic


async def test_a_keep_alive_client_keeps_its_connection() -> None:
    """One connection a client, and every answer counted with the release that gave it."""
    app = App(lambda _: answer())
    figures = (await run(app, keep_alive=2)).mark()
    assert app.connections == 2
    assert (figures.ok, figures.failed) == (len(app.heads), 0)
    assert figures.releases == {"v1": figures.ok}


async def test_a_fresh_client_opens_a_connection_for_each_request() -> None:
    """As many connections as requests, each of which says that it closes."""
    app = App(lambda _: answer())
    traffic = await run(app, fresh=2)
    assert app.connections == len(app.heads) == traffic.mark().ok
    assert all(b"Connection: close" in head for head in app.heads)


async def test_connection_close_is_honoured() -> None:
    """A server that drains asks to close and waits for it: the next request goes over a new connection."""
    app = App(lambda _: answer(close=True))
    app.ends = False
    figures = (await run(app, keep_alive=1)).mark()
    assert app.connections == figures.ok
    assert figures.failed == 0


@pytest.mark.parametrize(
    "said, reason",
    [
        (answer(500), "answered 500"),
        (answer(302), "answered 302"),
        (None, "connection closed before the answer"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf",
            "connection closed before the answer",
        ),
        (b"nonsense\r\n\r\n", "not an answer: it begins with 'nonsense'"),
        (b"HTTP/1.1 many OK\r\n\r\n", "not an answer: it begins with 'HTTP/1.1 many OK'"),
    ],
)
@pytest.mark.parametrize("kind", ["keep_alive", "fresh"])
async def test_what_is_not_answered_well_has_failed(said: bytes | None, reason: str, kind: str) -> None:
    """Every request counts once, is not tried again, and its reason is kept."""
    app = App(lambda _: said)
    figures = (await run(app, **{kind: 1})).mark()
    assert (figures.ok, figures.failed) == (0, len(app.heads))
    assert figures.reasons == {reason: figures.failed}


async def test_silence_is_a_failure() -> None:
    """A request that is not answered in time has failed."""
    app = App(lambda _: b"")
    app.wanted = 1
    figures = (await run(app, keep_alive=1, patience=0.05)).mark()
    assert figures.ok == 0
    assert set(figures.reasons) == {"no answer within 0.05 s"}


async def test_nobody_there_is_a_failure() -> None:
    """A connection that is refused is a request that a user could not make."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    traffic = Traffic(port, keep_alive=1, fresh=1, pause=0.001)
    await traffic.start()
    while traffic.mark().failed < 2:
        await asyncio.sleep(0)
    await traffic.stop()
    assert set(traffic.mark().reasons) == {"connection refused"}


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n"
        + JSON[:7]
        + b"\r\na\r\n"
        + JSON[7:]
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + JSON,
    ],
    ids=["chunks", "until the end"],
)
async def test_a_body_without_a_length_is_read(raw: bytes) -> None:
    """Chunks, and a body that ends with the connection."""
    figures = (await run(App(lambda _: raw), keep_alive=1)).mark()
    assert figures.failed == 0
    assert figures.releases == {"v1": figures.ok}


async def test_paths_are_asked_for_in_turn() -> None:
    """Each client goes round; only answers that name a release count for one."""
    app = App(lambda path: answer() if path == "/health" else answer(body=b"[1]"))
    figures = (await run(app, ["/health", "/", "/videos"], keep_alive=3)).mark()
    assert {head.split(b" ")[1] for head in app.heads} == {b"/health", b"/", b"/videos"}
    assert 0 < figures.releases["v1"] < figures.ok


async def test_a_connection_that_ended_in_order_between_two_requests_fails_none() -> None:
    """The server may close an idle connection: nothing was under way on it."""
    closing = asyncio.Event()
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer())
        await writer.drain()
        writer.close()
        seen += 1
        if seen == 3:
            closing.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        traffic = Traffic(server.sockets[0].getsockname()[1], keep_alive=1, fresh=0, pause=0.05)
        await traffic.start()
        await closing.wait()
        await traffic.stop()
    assert (traffic.mark().ok, traffic.mark().failed) == (3, 0)


async def test_the_request_under_way_is_still_answered_at_the_end() -> None:
    """To stop fails nothing."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await go_on.wait()
        writer.write(answer(close=True))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        traffic = Traffic(server.sockets[0].getsockname()[1], keep_alive=1, fresh=0)
        await traffic.start()
        await asked.wait()
        stopping = asyncio.create_task(traffic.stop())
        await asyncio.sleep(0)
        go_on.set()
        await stopping
    assert (traffic.mark().ok, traffic.mark().failed) == (1, 0)


async def test_after_its_grace_a_request_is_cut_and_not_counted() -> None:
    """What we cut ourselves is no failure of the app's."""
    app = App(lambda _: b"")
    async with await asyncio.start_server(app.serve, "127.0.0.1", 0) as server:
        traffic = Traffic(server.sockets[0].getsockname()[1], keep_alive=2, fresh=0)
        app.wanted = 2
        await traffic.start()
        await app.enough.wait()
        await traffic.stop(grace=0)
    assert traffic.mark().requests == 0


async def test_figures_between_two_moments() -> None:
    """`since` counts what came after the mark, releases that only answered before are not in it."""
    release = ["v1"]
    app = App(lambda _: answer(body=b'{"release": "%s"}' % release[0].encode()))
    async with await asyncio.start_server(app.serve, "127.0.0.1", 0) as server:
        traffic = Traffic(server.sockets[0].getsockname()[1], keep_alive=1, fresh=0, pause=0)
        await traffic.start()
        while not traffic.mark().releases["v1"]:
            await asyncio.sleep(0)
        release[0] = "v2"
        while not traffic.mark().releases["v2"]:
            await asyncio.sleep(0)
        mark = traffic.mark()
        while not traffic.since(mark).ok:
            await asyncio.sleep(0)
        await traffic.stop()
    later = traffic.since(mark)
    assert later.releases == {"v2": later.ok}
    assert mark.ok + later.ok == traffic.mark().ok
    assert traffic.sightings["v1"].last <= traffic.sightings["v2"].first


@pytest.fixture
async def quiet_app() -> AsyncIterator[tuple[App, int]]:
    app = App(lambda _: answer())
    async with await asyncio.start_server(app.serve, "127.0.0.1", 0) as server:
        yield app, server.sockets[0].getsockname()[1]


async def test_a_thread_of_its_own(quiet_app: tuple[App, int]) -> None:
    """For callers with another loop, or none: sends inside the block, and a second stop changes nothing."""
    app, port = quiet_app
    traffic = await asyncio.to_thread(lambda: TrafficThread(port, keep_alive=1, fresh=1, pause=0).__enter__())
    await app.enough.wait()
    figures = await asyncio.to_thread(traffic.stop)
    assert figures.ok >= app.wanted - 2
    assert figures.failed == 0
    assert await asyncio.to_thread(traffic.stop) == figures


def test_a_thread_that_never_started_can_be_stopped() -> None:
    """A demo that ends before its first release has no figures."""
    assert TrafficThread(1).stop() == Figures()
