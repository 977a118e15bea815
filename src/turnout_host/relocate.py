"""Moves a folder or file elsewhere and leaves a link to it, in one step that no reader can see half done (DESIGN 5).

The new place first gets a link that leads to itself; then renameat2(RENAME_EXCHANGE) swaps the two names: the old one
is now the link, the new one the folder. Where the kernel or the file system cannot swap, it takes two renames.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from pathlib import Path
from typing import Any, Iterator, Optional

from turnout_host import disk
from turnout_host.errors import SurveyError

AT_FDCWD, RENAME_EXCHANGE = -100, 2
SYSCALLS = {"x86_64": 316, "aarch64": 276}
"""Numbers of renameat2, for C libraries older than glibc 2.28 that have no function for it."""
CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""What says that swapping is not to be had here; EPERM comes from seccomp, and a real one fails in rename, too."""

_libc: Any = ctypes.CDLL(None, use_errno=True)
_renameat2: Optional[Any] = getattr(_libc, "renameat2", None)


def swap(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where that cannot be done here. Raises OSError for all else."""
    names = (AT_FDCWD, os.fsencode(str(one)), AT_FDCWD, os.fsencode(str(other)), RENAME_EXCHANGE)
    if _renameat2 is not None:
        status = _renameat2(*names)
    elif platform.machine() in SYSCALLS:
        status = _libc.syscall(SYSCALLS[platform.machine()], *names)
    else:
        return False
    number = ctypes.get_errno()
    if status == 0:
        return True
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def relocate(old: Path, new: Path, tmp: Path) -> bool:
    """Move `old` to `new` and leave an absolute link to it; False when there was a gap between two renames.

    Both are on one file system. What a killed program left half done is carried on; done twice it changes nothing more.
    `new` may be an empty folder. Raises SurveyError when something else is there, and OSError.
    """
    if leads(old, new):
        return True
    new.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(str(old)):  # a program was killed between the two renames
        disk.link(old, str(new), tmp)
        return False
    if not new.is_symlink() and os.path.lexists(str(new)):
        return _onto_folder(old, new)
    disk.link(new, str(new), tmp)
    if swap(old, new):
        _sync(old, new)
        return True
    new.unlink()
    os.rename(str(old), str(new))
    os.symlink(str(new), str(old))
    _sync(old, new)
    return False


def leads(old: Path, new: Path) -> bool:
    """Is `old` the link to `new`, and `new` there?"""
    return old.is_symlink() and os.readlink(str(old)) == str(new) and new.exists()


def free(old: Path, new: Path) -> bool:
    """May `old` be moved to `new`: is nothing there but a link of ours or, for a folder, an empty one?"""
    if new.is_symlink():
        return os.readlink(str(new)) == str(new) or leads(old, new)
    if not os.path.lexists(str(new)):
        return True
    return old.is_dir() and new.is_dir() and not (any(new.iterdir()) and any(old.iterdir()))


def outward(folder: Path) -> Iterator[Path]:
    """Relative links below `folder` that lead out of it, and so would lead elsewhere from another place."""
    for where, folders, files in () if folder.is_symlink() else os.walk(str(folder)):
        for name in folders + files:
            link = Path(where, name)
            if not link.is_symlink() or os.path.isabs(os.readlink(str(link))):
                continue
            inside = os.path.relpath(where, str(folder))
            lands = os.path.normpath(os.path.join(inside, os.readlink(str(link))))
            if lands.split("/")[0] == ".." and link.exists():
                yield link


def _onto_folder(old: Path, new: Path) -> bool:
    """The new place is a folder, and one of the two is empty: the full one stays, and the old name is the link."""
    if not free(old, new):
        raise SurveyError(f"{old} and {new} are both there", where=str(new))
    if any(old.iterdir()):
        os.rename(str(old), str(new))
    else:
        os.rmdir(str(old))
    os.symlink(str(new), str(old))
    _sync(old, new)
    return False


def _sync(old: Path, new: Path) -> None:
    disk.sync_folder(old.parent)
    disk.sync_folder(new.parent)
