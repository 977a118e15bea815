"""A web hook on 127.0.0.1 that keeps what is posted to it, as Apprise's json:// posts it."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """Answers each post with the next of `answers` (200 when there is none); `hang` keeps every caller waiting."""

    def __init__(self, *answers: int, hang: bool = False) -> None:
        self.posts: list[dict[str, Any]] = []
        self.arrived = threading.Semaphore(0)
        self.answers, self.hang = deque(answers), hang
        self._ended = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append({"path": self.path, **json.loads(body)})
                hook.arrived.release()
                if hook.hang:
                    hook._ended.wait()
                    return
                self.send_response(hook.answers.popleft() if hook.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        """What `[[notify]] url` would hold; its path is a token."""
        return f"json://127.0.0.1:{self._server.server_address[1]}/tokenABC123"

    def close(self) -> None:
        """Let go of everybody, and end."""
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Hook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
