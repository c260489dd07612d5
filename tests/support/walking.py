"""Walks a quiet tree by directory fds: any name, any depth, two open fds at most."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

CONTROL_DIRECTORY = b".fileorganizer"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Cursor:
    """One open folder, `fd`, that goes down by a name and up again. Nobody else may move folders meanwhile."""

    def __init__(self, root: Path | bytes | str) -> None:
        """Open `root`; raises OSError if it isn't a folder."""
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Cursor:
        """Give the cursor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the folder the cursor stands in."""
        os.close(self.fd)

    def down(self, name: bytes) -> None:
        """Go into the folder `name`; a symlink raises OSError."""
        self._stand_in(name)

    def up(self) -> None:
        """Go to the parent."""
        self._stand_in(b"..")

    def _stand_in(self, name: bytes) -> None:
        fd = os.open(name, FOLDER, dir_fd=self.fd)
        os.close(self.fd)
        self.fd = fd


def names_in(fd: int) -> list[bytes]:
    """The names in an open folder, sorted bytewise."""
    return sorted(os.fsencode(name) for name in os.listdir(fd))


def join(folder: bytes, name: bytes) -> bytes:
    """The path of `name` in `folder`, where the root is `b""`."""
    return folder + b"/" + name if folder else name


def is_folder(fd: int, name: bytes) -> bool:
    """Whether `name` in the open folder is a folder itself, not a link to one."""
    return stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)


def folders(root: Path | bytes | str, *, control: bool = False) -> Iterator[tuple[bytes, int, list[bytes]]]:
    """Yield (path, open fd, all names) for each folder, parents first, in bytewise order of the names.

    The fd is good until the next one is asked for. The control directory of the
    root is left out, as a name and as a folder, unless `control`.
    """
    with Cursor(root) as here:
        path, names = b"", names_in(here.fd)
        if not control:
            names = [name for name in names if name != CONTROL_DIRECTORY]
        yield path, here.fd, names
        waiting = [_folders_among(here.fd, names)]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                if waiting:
                    here.up()
                    path = path.rpartition(b"/")[0]
                continue
            name = waiting[-1].pop()
            here.down(name)
            path, names = join(path, name), names_in(here.fd)
            yield path, here.fd, names
            waiting.append(_folders_among(here.fd, names))


def _folders_among(fd: int, names: list[bytes]) -> list[bytes]:
    """The folders among `names`, last one first."""
    return [name for name in reversed(names) if is_folder(fd, name)]
