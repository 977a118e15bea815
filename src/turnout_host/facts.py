"""What this host is and has (docs/protocol.md, `facts`). Looks only; starts no daemon, changes nothing."""

from __future__ import annotations

import getpass
import os
import platform
import pwd
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from turnout_host import boot, children, disk, proc
from turnout_host.errors import SurveyError
from turnout_host.layout import Layout
from turnout_host.processes import rpc
from turnout_host.toolchain import find, package_version

PATIENCE = 5.0
"""Seconds that a `--version`, or PM2's daemon, may take."""
SHELL_PATIENCE = 15.0
"""Seconds that a login shell may take: version managers, and a busy machine."""

MARK = b"\x1eturnout\x1e"

ASK_SHELL = r"printf '\036turnout\036'; env -0; printf '\036turnout\036'"
"""Constant. What a profile prints stands outside the marks."""

MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}

KEPT = ("PATH", "PM2_HOME")
NETWORK = re.compile(
    r"(?i)((https?|no|all)_proxy|npm_config_\w+)\Z|NODE_EXTRA_CA_CERTS\Z|SSL_CERT_(FILE|DIR)\Z"
)

_env: Optional[Dict[str, str]] = None


def facts(layout: Layout) -> Dict[str, Any]:
    """Everything that does not depend on a deployment; takes about 0.3 s."""
    home = pm2_home()
    return {
        "platform": platform_key(),
        "python": platform.python_version(),
        "user": getpass.getuser(),
        "home": os.path.expanduser("~"),
        "node": _tool("node"),
        "npm": _tool("npm"),
        "pm2": _tool("pm2"),
        "pm2_home": home,
        "daemon": daemon(home),
        "disk": disk.space(_existing(layout.path)),
        "boot": boot.possible(),
        "shell": _shell(),
        "time": time.time(),
    }


def shell_env() -> Dict[str, str]:
    """PATH, PM2_HOME and the way out (`network_env`) of the login shell, asked once; ours where it says nothing.

    The SSH session's PATH is often shorter than what a person has after logging in.
    """
    global _env
    if _env is None:
        found = _asked() or dict(os.environ)
        _env = {key: value for key, value in found.items() if value and (key in KEPT or NETWORK.match(key))}
    return _env


def network_env() -> Dict[str, str]:
    """Proxies, certificates and npm's settings of the login shell: `npm ci` on a host needs them, the app does not."""
    return {key: value for key, value in shell_env().items() if NETWORK.match(key)}


def pm2_home() -> str:
    """The login shell's PM2_HOME, else ~/.pm2 (DESIGN 5)."""
    return shell_env().get("PM2_HOME") or os.path.expanduser("~/.pm2")


def platform_key() -> str:
    """Such as `linux-x64-glibc`: what a layer with native code must match."""
    machine = platform.machine().lower()
    key = f"{sys.platform}-{MACHINES.get(machine, machine)}"
    return f"{key}-{_libc()}" if sys.platform == "linux" else key


def daemon(home: str) -> Optional[Dict[str, Any]]:
    """PM2's daemon of this PM2_HOME: `pid`, `version` and `node`, None where it does not say."""
    socket = os.path.join(home, "rpc.sock")
    pid = rpc.daemon_pid(socket) or _by_pid_file(home)
    if not pid:
        return None
    try:
        version = str(rpc.call(socket, "getVersion", [{}], PATIENCE))
    except rpc.RpcError:
        version = _version_in_title(proc.cmdline(pid))
    return {"pid": pid, "version": version or None, "node": node_version(f"/proc/{pid}/exe")}


def node_version(binary: str) -> Optional[str]:
    """What `--version` says, without the v; None when it does not run."""
    return (_said([binary, "--version"]) or "").lstrip("v") or None


def _asked() -> Dict[str, str]:
    """The login shell's variables, {} where it has none to tell. Raises SurveyError when it takes too long.

    Its output goes to a file: what a profile leaves running would keep a pipe open.
    """
    with tempfile.TemporaryFile() as output:
        argv = [_shell(), "-lc", ASK_SHELL]
        try:
            process = children.start(
                argv,
                Path.home(),
                dict(os.environ),
                ours=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return {}
        late = False
        try:
            process.wait(SHELL_PATIENCE)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _kill(process)
        output.seek(0)
        found = parsed(output.read())
    if late and not found:
        raise SurveyError(
            f"the login shell did not answer within {SHELL_PATIENCE:g} s, so PM2_HOME is not known",
            where=argv[0],
            remedy=[f"see what it waits for: time {argv[0]} -lc true"],
        )
    return found


def parsed(output: bytes) -> Dict[str, str]:
    """The variables between the first two marks; {} where they are not whole."""
    parts = output.split(MARK)
    if len(parts) < 3:
        return {}
    pairs = [entry.decode("utf-8", "replace").partition("=") for entry in parts[1].split(b"\0")]
    return {key: value for key, equals, value in pairs if equals}


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        children.end(process.pid, 9)
        process.wait()
    children.forget(process)


def _shell() -> str:
    found = pwd.getpwuid(os.getuid()).pw_shell or os.environ.get("SHELL") or "/bin/sh"
    return found if os.access(found, os.X_OK) else "/bin/sh"


def _folders() -> List[str]:
    return [
        folder for folder in shell_env().get("PATH", os.defpath).split(os.pathsep) if folder.startswith("/")
    ]


def _tool(name: str) -> Optional[Dict[str, Any]]:
    """Where the login shell finds a tool that is not ours, and its version; `version` is null when it cannot be read.

    The versions of npm and PM2 are read, not asked for: `pm2 --version` would start a daemon (FACTS).
    """
    path = find(name, _folders())
    if not path:
        return None
    version = node_version(path) if name == "node" else package_version(os.path.realpath(path), name)
    return {"path": path, "version": version or (_said([path, "--version"]) if name == "npm" else None)}


def _said(argv: List[str]) -> Optional[str]:
    try:
        finished = children.run(argv, Path("/"), children.clean_env(_folders()), timeout=PATIENCE)
    except OSError:
        return None
    return finished.tail[-1].strip() if finished.status == 0 and finished.tail else None


def _libc() -> str:
    try:
        return "glibc" if (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc") else "musl"
    except (ValueError, OSError):
        return "musl"


def _by_pid_file(home: str) -> int:
    """A daemon whose socket is gone still runs its apps; its title says which PM2_HOME it is."""
    try:
        pid = int(Path(home, "pm2.pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    return pid if "God Daemon" in proc.cmdline(pid) and home in proc.cmdline(pid) else 0


def _version_in_title(title: str) -> str:
    """PM2 names its daemon "PM2 v7.0.4: God Daemon (HOME)"."""
    return title.split(" v", 1)[1].split(":", 1)[0] if title.startswith("PM2 v") else ""


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
