"""Boot the new release on a spare port, outside PM2, with the Node that will serve it, and probe it there (DESIGN 2).

Nobody outside sees it. It ends with the rehearsal, whatever happens.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from turnout_host import catchall, children, gap, judge, proc
from turnout_host.errors import HostError, Unhealthy
from turnout_host.judge import BAD, GOOD, SICK, WELL, Judge
from turnout_host.layout import Layout
from turnout_host.probe import Answer, Probe
from turnout_host.processes import wrapper
from turnout_host.toolchain import Toolchain

Note = Callable[[str], None]

TAIL = 20
"""Lines of its output that a message shows."""

CAUGHT = "gets the same answer as an address that does not exist"

INTERPRETERS = {".py": "python3", ".sh": "bash", ".rb": "ruby", ".php": "php", ".pl": "perl"}
"""What PM2 7.0.4 runs a script with (lib/API/interpreter.json), as far as a host usually has it; all others: Node."""


def rehearse(  # noqa: PLR0913, PLR0917 - all that a process needs to run
    layout: Layout,
    release: str,
    release_id: str,
    toolchain: Toolchain,
    settings: Dict[str, Any],
    health: Dict[str, Any],
    dotenv: Dict[str, str],
    note: Note,
) -> Dict[str, Any]:
    """Boot the release, judge its answers, end it.

    Gives `seconds` (all of it), `boot_seconds` (start to the first good answer), `proof` ("answer" when the body
    named pid or release, else "process") and `gap_seconds` (in fork mode, how long nobody will answer). Of `dotenv`
    only the names are used: the app loads its own file. Raises Unhealthy with `reason`, `tail` and, where there is one,
    `remedy`.
    """
    begun = time.monotonic()
    folder = layout.release(release)
    app = _main(
        wrapper.apps(toolchain, folder, dict(settings, drain=False), dotenv), str(settings.get("app") or "")
    )
    port = spare_port()
    note(f"booting {release} on the spare port {port}")
    layout.tmp.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=str(layout.tmp)) as output:
        stage = _Stage(app, toolchain, port, str(health["port_env"]), output.fileno())
        try:
            show = _Show(stage, release, release_id, health, output, note)
            boot_seconds, by = show.judged()
        finally:
            stage.end(float(settings.get("drain_timeout") or 0))
    note(f"{release} answers well, {boot_seconds:.2f} s after its start")
    return {
        "seconds": round(time.monotonic() - begun, 3),
        "boot_seconds": round(boot_seconds, 3),
        "proof": by,
        "gap_seconds": _gap(app, boot_seconds, note),
    }


def spare_port() -> int:
    """A TCP port that is free on every address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _gap(app: Dict[str, Any], boot_seconds: float, note: Note) -> float:
    """For how long nobody will answer during the switch, in seconds; 0 in cluster mode. It is said beforehand."""
    if app["turnout"]["mode"] == "cluster":
        return 0.0
    seconds = gap.foreseen(boot_seconds)
    note(
        f"{app['name']} runs in fork mode: nobody answers for about {seconds:g} s during the switch; {gap.CURE}"
    )
    return seconds


def _main(apps: List[Dict[str, Any]], name: str) -> Dict[str, Any]:
    return next((app for app in apps if app["name"] == name), apps[0])


class _Stage:
    """The process that is rehearsed, in a session of its own."""

    def __init__(
        self, app: Dict[str, Any], toolchain: Toolchain, port: int, port_env: str, output: int
    ) -> None:
        self.port = port
        env = toolchain.env(**app["turnout"]["env"])
        env.update({port_env: str(port), "TURNOUT_REHEARSAL": "1"})
        popen: Dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
        self._ours: Optional[socket.socket] = None
        theirs: Optional[socket.socket] = None
        if app.get("wait_ready"):
            # such an app calls process.send("ready"), which is there only with a channel as PM2 gives it
            self._ours, theirs = socket.socketpair()
            env["NODE_CHANNEL_FD"] = str(theirs.fileno())
            popen["pass_fds"] = [theirs.fileno()]
        try:
            self._process = children.start(
                command(app, toolchain, env["PATH"]), Path(app["cwd"]), env, **popen
            )
        except OSError as error:
            self._close()
            raise HostError(f"the app could not be started: {error}") from error
        finally:
            if theirs:
                theirs.close()
        self.pid, self.started = self._process.pid, time.monotonic()

    def status(self) -> Optional[int]:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def listens(self) -> List[int]:
        """TCP ports that it or its descendants listen on."""
        return proc.listening(self.pid)

    def end(self, patience: float) -> None:
        """SIGINT, as PM2 would; SIGKILL for what is left of its group after `patience` seconds, at the latest."""
        try:
            if self._process.poll() is None:
                children.end(self.pid, signal.SIGINT)
                self._process.wait(max(patience, 0.1))
        except subprocess.TimeoutExpired:
            pass
        finally:
            children.end(self.pid, signal.SIGKILL)
            self._process.wait()
            children.forget(self._process)
            self._close()

    def _close(self) -> None:
        if self._ours:
            self._ours.close()


class _Show:
    """One rehearsal: asks, judges, and says in plain words why not."""

    def __init__(
        self, stage: _Stage, release: str, release_id: str, health: Dict[str, Any], output: Any, note: Note
    ) -> None:
        self._note = note
        self._stage, self._release, self._names = stage, release, (release, release_id)
        self._health, self._output = health, output
        self._probe = Probe(stage.port, str(health["path"]), float(health["timeout"]))
        self._elsewhere = 0
        self._by = "process"

    def judged(self) -> Tuple[float, str]:
        """Seconds to the first good answer, and what proved it. Raises Unhealthy."""
        state, first = Judge(self._health, self._stage.started), 0.0
        while True:
            kind, reason = self._claim(self._probe.ask())
            now = time.monotonic()
            if kind == GOOD:
                first = first or now - self._stage.started
            self._must_run()
            if state.feed(kind, reason, now) == SICK:
                raise self._unhealthy(self._port_reason() or state.reason)
            if state.state == WELL:
                self._must_answer_by_itself()
                return first, self._by
            if kind != GOOD:
                self._must_take_the_port()
            time.sleep(float(self._health["interval"]))

    def _claim(self, answer: Answer) -> Tuple[str, str]:
        kind = judge.verdict(answer)
        if kind != GOOD:
            return kind, answer.reason
        wrong, pid = judge.wrong_release(answer, self._names), judge.body_pid(answer)
        if wrong is not None:
            return BAD, f"it answers as release {wrong}, not {self._release}"
        if pid is not None and self._stage.pid not in proc.ancestors(pid):
            return BAD, f"another process answers on the spare port: {pid} {proc.cmdline(pid)}".rstrip()
        if pid is not None or (answer.body or {}).get("release") is not None:
            self._by = "answer"
        return GOOD, ""

    def _must_run(self) -> None:
        status = self._stage.status()
        if status is None:
            return
        if any("EADDRINUSE" in line for line in self._tail()):
            raise self._unhealthy(self._stubborn("its port is taken"))
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        raise self._unhealthy(f"it ended while it booted ({how})")

    def _must_answer_by_itself(self) -> None:
        """A good answer that any address gets is none, unless the release that serves is no better."""
        path, timeout = str(self._health["path"]), float(self._health["timeout"])
        if not catchall.catches_all(self._stage.port, path, timeout):
            return
        if catchall.tells_apart(int(self._health["port"]), path, timeout):
            raise self._unhealthy(f"GET {path} {CAUGHT}; the release that serves tells them apart")
        self._note(f"GET {path} {CAUGHT}: a good one proves little")

    def _must_take_the_port(self) -> None:
        """It is not waited for when it sits on the real port, `retries` looks long: it may open several ports."""
        ports = self._stage.listens()
        stubborn = self._health.get("port") in ports and self._stage.port not in ports
        self._elsewhere = self._elsewhere + 1 if stubborn else 0
        if self._elsewhere >= int(self._health["retries"]):
            raise self._unhealthy(self._stubborn(f"it listens on port {self._health['port']}"))

    def _port_reason(self) -> str:
        ports = self._stage.listens()
        if not ports or self._stage.port in ports:
            return ""
        return self._stubborn(f"it listens on port {', '.join(map(str, ports))}")

    def _stubborn(self, what: str) -> str:
        return f"{what}: it does not take the spare port {self._stage.port} from {self._health['port_env']}"

    def _unhealthy(self, reason: str) -> Unhealthy:
        detail: Dict[str, Any] = {"reason": reason, "tail": self._tail()}
        if "does not take the spare port" in reason:
            key = self._health["port_env"]
            detail["remedy"] = [
                f"listen on process.env.{key}",
                "or set port_env or rehearse = false in [health] of turnout.toml",
            ]
        return Unhealthy(f"the rehearsal of {self._release} failed: {reason}", **detail)

    def _tail(self) -> List[str]:
        size = os.fstat(self._output.fileno()).st_size
        # pread: the app writes at the offset that this descriptor shares with it
        data = os.pread(self._output.fileno(), 16384, max(0, size - 16384))
        return data.decode("utf-8", "replace").splitlines()[-TAIL:]


def command(app: Dict[str, Any], toolchain: Toolchain, path: str) -> List[str]:
    """The words that run the app as PM2's fork mode would: interpreter, its arguments, script, arguments."""
    script, args = app["turnout"]["script"], _words(app.get("args"))
    if script is None:
        if " " in app["script"]:
            return ["/bin/sh", "-c", app["script"]]
        found = shutil.which(app["script"], path=path)
        if not found:
            raise HostError(f"the script of {app['name']} is not there: {app['script']}", where=app["cwd"])
        return [found, *args]
    interpreter = app["turnout"]["interpreter"] or INTERPRETERS.get(Path(script).suffix, "node")
    if interpreter == "none":
        return [script, *args]
    node_args = _words(app.get("node_args") or app.get("interpreter_args") or app.get("interpreterArgs"))
    return [toolchain.node if interpreter == "node" else interpreter, *node_args, script, *args]


def _words(value: Any) -> List[str]:
    """PM2 takes lists, and texts that it parts at spaces."""
    return [str(word) for word in value] if isinstance(value, list) else str(value or "").split()
