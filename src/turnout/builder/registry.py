"""The npm registry, asked only through npm itself: the user's .npmrc, mirror, proxy and login are honoured."""

from __future__ import annotations

import asyncio
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from turnout.builder import commands, disk
from turnout.errors import BuildError


async def versions(package: str, cwd: Path) -> list[str]:
    """All versions of a package. `cwd` is the folder whose .npmrc counts. Raises BuildError."""
    answer = json.loads(await _npm(["view", package, "versions", "--json"], cwd))
    return [answer] if isinstance(answer, str) else [str(version) for version in answer]


async def fetch(package: str, version: str, folder: Path, wanted: Sequence[str] = ("",)) -> None:
    """Unpack exactly this version of a package into `folder`; of its files only those that begin with `wanted`.

    npm checks the tarball against the registry's digest. Nothing of the package is run. Raises BuildError.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    out = await _npm(["pack", f"{package}@{version}", "--json", "--ignore-scripts"], folder)
    tarball = folder / Path(json.loads(out)[0]["filename"]).name
    await disk.whole(_unpack, tarball, folder, tuple(wanted))
    tarball.unlink()


async def install_locked(folder: Path) -> None:
    """Install exactly what the package-lock.json in `folder` says, and run nothing of it. Raises BuildError."""
    await _npm(["ci", "--omit=dev", "--omit=optional", "--ignore-scripts"], folder)


async def _npm(args: Sequence[str], cwd: Path) -> str:
    """Standard output of npm; its errors are npm's own last lines."""
    try:
        process = await asyncio.create_subprocess_exec(
            "npm",
            *args,
            cwd=cwd,
            env=commands.environment([]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if error.filename != "npm":
            raise
        raise BuildError("npm is not installed on this machine", remedy="install Node with npm") from None
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            commands.kill(process.pid)
            await process.wait()
    if process.returncode:
        raise BuildError(
            f"npm {' '.join(args[:2])} failed", why=err.decode("utf-8", "replace").splitlines()[-10:]
        )
    return out.decode("utf-8", "replace")


def _unpack(tarball: Path, folder: Path, wanted: tuple[str, ...]) -> None:
    """Regular files only, below `folder` (FACTS: what tarfile's own filter lets through is not enough)."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts[1:]  # the first is `package`
            path = "/".join(parts)
            if not member.isfile() or not parts or not path.startswith(wanted):
                continue
            if ".." in parts or member.name.startswith("/"):
                raise BuildError(f"{tarball.name} holds an unsafe path: {member.name!r}")
            data = archive.extractfile(member)
            assert data is not None
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                while part := data.read(1 << 20):
                    file.write(part)
            target.chmod(0o755 if member.mode & 0o100 else 0o644)
