from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.hosts.frames import HEADER
from turnout.hosts.loader import CODE, COMMAND
from turnout.hosts.zipapp import Zipapp, folder

SHELLS = ["sh", "bash", "dash", "zsh", "fish", "csh", "tcsh"]


class Loader:
    """A loader under way, spoken to by hand."""

    def __init__(self, *command: str, path: str = os.environ["PATH"]) -> None:
        pipe = subprocess.PIPE
        env = os.environ | {"PATH": path, "USER": "deploy"}
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)

    def say(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, path: Path | str, program: Zipapp) -> None:
        line = {"path": str(path), "digest": program.digest, "size": len(program.content)}
        self.say(json.dumps(line).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        header = self.process.stdout.read(HEADER.size)
        assert len(header) == HEADER.size, self.process.communicate()
        message: dict[str, Any] = json.loads(self.process.stdout.read(HEADER.unpack(header)[2]))
        return message

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode


def python(code: str = CODE) -> Loader:
    return Loader(sys.executable, "-I", "-u", "-c", code)


def install(path: Path, program: Zipapp) -> Path:
    loader = python()
    loader.ask(path, program)
    assert loader.hear() == {"need": True}
    loader.say(program.content)
    assert loader.hear()["hello"]["argv"] == ["serve", str(path)]
    assert loader.end() == 0
    return kept(path, program)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def kept(path: Path, program: Zipapp) -> Path:
    return path / ".turnout" / "bin" / f"turnout_host-{program.digest[:16]}.pyz"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_is_the_same_in_every_shell(shell: str, tmp_path: Path, program: Zipapp) -> None:
    """Whatever the account's login shell is, the loader arrives unhurt."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    loader = Loader(str(shutil.which(shell)), "-c", COMMAND)
    loader.ask(tmp_path / "it's", program)
    assert loader.hear() == {"need": True}
    loader.say(program.content)
    assert "hello" in loader.hear()
    loader.end()


def test_the_program_is_kept_and_not_asked_for_again(tmp_path: Path, program: Zipapp) -> None:
    """The second start finds it by its digest; only the same, compiled, lies beside it."""
    file = install(tmp_path / "new" / "app", program)
    assert file.read_bytes() == program.content
    assert names(file.parent) == [file.name, f"{file.name}.d"]
    again = python()
    again.ask(tmp_path / "new" / "app", program)
    assert again.hear() == {"need": False}
    assert "hello" in again.hear()
    again.end()


def test_it_runs_compiled_where_it_can_and_from_the_zip_file_where_it_cannot(
    tmp_path: Path, program: Zipapp
) -> None:
    """Compiling costs more than all the rest of a start; without room for it the program works all the same."""
    file = install(tmp_path / "one", program)
    compiled = {path.name.split(".")[0] for path in Path(f"{file}.d").rglob("*.pyc")}
    assert "__main__" in compiled
    told = subprocess.run(
        [sys.executable, "-I", "-v", str(file)], capture_output=True, text=True, check=False
    )
    assert f"{file}.d/turnout_host/__main__.py" in told.stderr

    (Path(f"{file}.d") / "turnout_host/__main__.py").write_text("raise SystemExit(9)")
    again = python()
    again.ask(tmp_path / "one", program)
    assert again.hear() == {"need": False}
    assert "hello" in again.hear(), "a hurt one is laid anew, and never run"
    again.end()

    other = kept(tmp_path / "two", program)
    other.parent.mkdir(parents=True)
    Path(f"{other}.d").touch()
    assert install(tmp_path / "two", program) == other


def test_a_damaged_program_is_asked_for_again(tmp_path: Path, program: Zipapp) -> None:
    """A half-written or edited file is never run."""
    file = install(tmp_path, program)
    file.write_bytes(program.content[:-1])
    assert install(tmp_path, program).read_bytes() == program.content


def test_what_arrives_damaged_is_not_kept(tmp_path: Path, program: Zipapp) -> None:
    """The digest is checked before the program gets its name."""
    loader = python()
    loader.ask(tmp_path, program)
    loader.hear()
    loader.say(program.content[:-1] + b"!")
    assert loader.hear()["error"]["code"] == "store"
    assert loader.end() == 1
    assert names(kept(tmp_path, program).parent) == []


def test_nothing_after_the_program_is_swallowed(tmp_path: Path, program: Zipapp) -> None:
    """Frames may follow at once; they are for the host program."""
    loader = python()
    call = b'{"id":7,"call":"echo","args":{"a":1}}'
    loader.ask(tmp_path, program)
    loader.say(program.content + HEADER.pack(b"TNO1", b"J", len(call)) + call)
    assert loader.hear() == {"need": True}
    assert "hello" in loader.hear()
    assert loader.hear() == {"id": 7, "ok": {"a": 1}}
    loader.end()


@pytest.mark.parametrize("said", [b"", b'{"path": "/x"', b"half"])
def test_a_deployer_that_goes_away_leaves_nothing(said: bytes, tmp_path: Path) -> None:
    """The loader ends with its input."""
    loader = python()
    loader.say(said)
    assert loader.end() == 1


def test_a_deployer_that_falls_silent_ends_the_loader(tmp_path: Path) -> None:
    """After a cut the pipe may stay open (FACTS): the loader ends by itself."""
    loader = python(CODE.replace("SILENCE = 15", "SILENCE = 1"))
    loader.say(b"half")
    loader.process.wait()
    loader.end()


def test_an_old_python_is_told_apart(tmp_path: Path, program: Zipapp) -> None:
    """Older than 3.8 is refused in words, not by a syntax error."""
    old = 'import sys; sys.version_info = (3, 7, 17); sys.version = "3.7.17 (x)"; ' + CODE
    loader = python(old)
    loader.ask(tmp_path, program)
    assert "3.7.17" in loader.hear()["error"]["message"]
    assert not (tmp_path / ".turnout").exists()
    loader.end()


def test_an_old_python_can_read_the_loader() -> None:
    """No syntax that is newer than the oldest Python that ast still knows."""
    ast.parse((folder() / "loader.py").read_text(), feature_version=(3, 7))


def test_a_relative_path_is_refused(program: Zipapp) -> None:
    """Nothing is ever made where a login happens to start."""
    loader = python()
    loader.ask("app", program)
    assert loader.hear()["error"]["code"] == "usage"
    loader.end()


def refused(path: Path, program: Zipapp, *wrapper: str) -> dict[str, Any]:
    loader = Loader(*wrapper, sys.executable, "-I", "-u", "-c", CODE)
    loader.ask(path, program)
    answer = loader.hear()
    if answer == {"need": True}:
        loader.say(program.content)
        answer = loader.hear()
    loader.end()
    error: dict[str, Any] = answer["error"]
    return error


def test_a_path_through_a_file_is_refused(tmp_path: Path, program: Zipapp) -> None:
    """The system's reason is given."""
    (tmp_path / "file").touch()
    error = refused(tmp_path / "file" / "app", program)
    assert error["code"] == "survey"
    assert "not a directory" in error["message"]


# root writes anywhere, so it steps down; whoever is nobody special is refused as they are
STEP_DOWN = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.mark.parametrize("exists, remedy", [(True, "chown -R deploy"), (False, "install -d -o deploy")])
def test_a_path_that_belongs_to_others_is_refused(
    exists: bool, remedy: str, tmp_path: Path, program: Zipapp
) -> None:
    """The remedy is the one command that gives the folder to the account."""
    wrapper = STEP_DOWN if os.getuid() == 0 else ()
    if wrapper and not shutil.which(wrapper[0]):
        pytest.skip("no setpriv here")
    path = Path("/usr/share" if exists else "/usr/share/turnout test")
    loader = Loader(*wrapper, "/usr/bin/python3", "-I", "-u", "-c", CODE)
    loader.ask(path, program)
    error = loader.hear()["error"]
    assert error["code"] == "survey"
    assert "permission denied" in error["message"]
    assert remedy in error["detail"]["remedy"]
    loader.end()


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_told_and_left_clean(tmp_path: Path, program: Zipapp) -> None:
    """No half program stays behind; the remedy shows what fills the disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (disk / "filler").write_bytes(b"x" * (52 << 10))
        big = Zipapp(*_padded(program, 40 << 10))
        error = refused(disk / "app", big)
        assert "no room" in error["message"]
        assert "df" in error["detail"]["remedy"]
        assert names(kept(disk / "app", big).parent) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def _padded(program: Zipapp, size: int) -> tuple[bytes, str]:
    import hashlib

    content = os.urandom(size) + program.content
    return content, hashlib.sha256(content).hexdigest()


def test_leftovers_of_killed_loaders_are_swept(tmp_path: Path, program: Zipapp) -> None:
    """Those of living ones stay; other files are none of its business."""
    folder = kept(tmp_path, program).parent
    folder.mkdir(parents=True)
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (f"turnout_host-a.pyz.{dead.pid}.tmp", f"turnout_host-a.pyz.{os.getpid()}.tmp", "notes.tmp"):
        (folder / name).touch()
    (folder / f"turnout_host-b.pyz.{dead.pid}.tmp" / "deep").mkdir(parents=True)
    install(tmp_path, program)
    assert names(folder) == sorted(
        [
            kept(tmp_path, program).name,
            f"{kept(tmp_path, program).name}.d",
            f"turnout_host-a.pyz.{os.getpid()}.tmp",
            "notes.tmp",
        ]
    )
