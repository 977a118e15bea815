"""Fetches the host program and becomes it (docs/protocol.md, Start). The deployer sends this text as the command.

The text stands between single quotes for sh, bash, zsh, fish or csh, so it has no single quote, exclamation mark
or backslash; turnout.hosts.loader checks that. A Python that is too old must still be able to read it, to say
so: nothing newer than 3.5.
"""

import errno
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
from typing import Dict

SILENCE = 15
SUMS = "sums"


def read(count: int) -> bytes:
    """Up to `count` bytes, unbuffered. SIGALRM ends us when none come for SILENCE seconds."""
    signal.alarm(SILENCE)
    data = os.read(0, count)
    signal.alarm(0)
    return data or sys.exit(1)


def read_line() -> bytes:
    """One line, byte by byte: what follows it is not ours to read."""
    line = b""
    while not line.endswith(bytes([10])):
        line += read(1)
    return line


def read_all(size: int) -> bytes:
    """Exactly `size` bytes."""
    data = b""
    while len(data) < size:
        data += read(size - len(data))
    return data


def send(message: Dict[str, object]) -> None:
    """Write one J frame."""
    payload = json.dumps(message).encode("utf-8")
    os.write(1, b"TNO1J" + len(payload).to_bytes(4, "big") + payload)


def refuse(message: str, code: str = "survey", **detail: str) -> None:
    """Send an error and end."""
    send({"error": {"code": code, "message": message, "detail": detail}})
    sys.exit(1)


def explain(error: OSError, path: str) -> None:
    """Refuse with the reason why the host program cannot be kept below `path`, and what to type."""
    where, quoted = error.filename or path, shlex.quote(path)
    user = os.environ.get("USER") or str(os.getuid())
    message = where + " cannot be written by " + user + ": " + (error.strerror or str(error)).lower()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        refuse("no room is left on the disk of " + path, where=where, remedy="ssh {host} df -h -i " + quoted)
    if error.errno in (errno.EACCES, errno.EPERM):
        give = "chown -R " if os.path.isdir(path) else "install -d -o "
        refuse(message, where=where, remedy="ssh -t {host} sudo " + give + shlex.quote(user) + " " + quoted)
    refuse(
        message, where=where, remedy="give another path in turnout.toml, or see: ssh {host} ls -ld " + quoted
    )


def intact(program: str, digest: str) -> bool:
    """Tell whether `program` is there and has this digest."""
    try:
        with open(program, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() == digest
    except FileNotFoundError:
        return False


def sweep(folder: str) -> None:
    """Remove what loaders left that were killed while they wrote."""
    for name in os.listdir(folder):
        found = re.match("turnout_host-.*[.]([0-9]+)[.]tmp$", name)
        try:
            if found:
                os.kill(int(found.group(1)), 0)
        except ProcessLookupError:
            left = os.path.join(folder, name)
            (shutil.rmtree if os.path.isdir(left) else os.unlink)(left)
        except PermissionError:
            pass


def sync(path: str) -> None:
    """Make a file or folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep(program: str, content: bytes) -> None:
    """Write `program` whole or not at all, and durably."""
    folder, temporary = os.path.dirname(program), program + "." + str(os.getpid()) + ".tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        sync(temporary)
        os.rename(temporary, program)
        sync(folder)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def fetch(program: str, digest: str, size: int) -> None:
    """Have the program sent; finds out first whether it could be kept."""
    folder = os.path.dirname(program)
    os.makedirs(folder, exist_ok=True)
    sweep(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
    send({"need": True})
    content = read_all(size)
    if not hashlib.sha256(content).hexdigest() == digest:  # noqa: SIM201 - see the top
        refuse("the host program arrived damaged", code="store")
    keep(program, content)


def sums(folder: str) -> str:
    """One digest of all that lies in a folder, but for its own file."""
    found = hashlib.sha256()
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(set(names) - {SUMS}):
            with open(os.path.join(where, name), "rb") as file:
                found.update(name.encode("utf-8") + hashlib.sha256(file.read()).digest())
    return found.hexdigest()


def unhurt(folder: str) -> bool:
    """Tell whether it is as it was laid: a hurt one is never run."""
    try:
        with open(os.path.join(folder, SUMS)) as file:
            return file.read() == sums(folder)
    except OSError:
        return False


def unpack(program: str) -> None:
    """Lay the modules beside the program, compiled: those in a zip file are compiled anew at every start."""
    folder, temporary = program + ".d", program + "." + str(os.getpid()) + ".tmp"
    if unhurt(folder):
        return
    import compileall
    import zipfile

    try:
        sweep(os.path.dirname(program))
        if os.path.isdir(folder):
            hurt = program + ".hurt." + str(os.getpid()) + ".tmp"
            os.rename(folder, hurt)  # in one step: another loader may be about to start from it
            shutil.rmtree(hurt, True)
        with zipfile.ZipFile(program) as archive:
            archive.extractall(temporary)
        compileall.compile_dir(temporary, ddir=folder, quiet=2)
        with open(os.path.join(temporary, SUMS), "w") as file:
            file.write(sums(temporary))
        os.rename(temporary, folder)  # not synced: what a power cut takes away, the sums tell
    except OSError:
        shutil.rmtree(temporary, True)  # another loader was faster; without room the zip file alone will do


def main() -> None:
    """Read what is asked, fetch what is missing, become the host program."""
    asked = json.loads(read_line().decode("utf-8"))
    path, digest = asked["path"], asked["digest"]
    if sys.version_info < (3, 8):  # noqa: UP036
        refuse("this host has Python " + sys.version.split()[0] + ", Turnout needs 3.8 or later")
    if not os.path.isabs(path):
        refuse("the path of an app must be absolute", code="usage")
    program = os.path.join(path, ".turnout", "bin", "turnout_host-" + digest[:16] + ".pyz")
    try:
        if intact(program, digest):
            send({"need": False})
        else:
            fetch(program, digest, asked["size"])
        unpack(program)
    except OSError as error:
        explain(error, path)
    os.execv(sys.executable, [sys.executable, "-I", "-u", program, "serve", path])  # noqa: S606


if __name__ == "__main__":
    main()
