"""Trees as values: a dict becomes a folder on disk, a folder becomes a dict.

    write_tree(tmp_path, {"inbox": {"a.jpg": JPEG, "link": Link("a.jpg"), "old": File("x", mtime="2019-05-06")}})
    assert read_tree(tmp_path) == {"inbox": {...}}

Names are str or bytes. Everything is backdated, because the organizer leaves
alone what changed within the last two seconds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.manifest import Manifest, manifest
from tests.support.walking import Cursor, folders, is_folder, join

LONG_AGO_NS = 1_614_834_367_123_456_789
"""2021-03-04 05:06:07 UTC and some nanoseconds: what a file or folder is dated without a time of its own."""
FILE_MODE, FOLDER_MODE = 0o644, 0o755

Name = str | bytes
Tree = Mapping[Any, Any]
"""Name -> content (str, bytes), a folder (a dict) or one of the markers below."""


@dataclass(frozen=True)
class Link:
    """A symlink; the target is written as it is."""

    target: Name


@dataclass(frozen=True)
class HardLink:
    """One more name of a file that the same tree holds; `path` is relative to the root."""

    path: Name


@dataclass(frozen=True)
class Fifo:
    """A named pipe."""


@dataclass(frozen=True)
class Socket:
    """A socket that nobody listens on."""


@dataclass(frozen=True)
class File:
    """A file with more to it than content.

    `mtime` is seconds since the epoch or an ISO date (UTC unless it says
    otherwise); `size` cuts it, or extends it with a hole; xattrs that the file
    system doesn't take are left out.
    """

    content: Name = b""
    mtime: float | str | None = None
    mode: int = FILE_MODE
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    size: int | None = None


@dataclass(frozen=True)
class Folder:
    """A folder with more to it than what it holds; the fields are those of `File`."""

    tree: Tree = field(default_factory=dict)
    mtime: float | str | None = None
    mode: int = FOLDER_MODE
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


def write_tree(root: Path, tree: Tree) -> Manifest:
    """Write `tree` into `root` (made if needed), date everything back, return the manifest of the whole root.

    Files that exist are replaced, other names in `root` stay. Any name, any depth.
    """
    put_tree(root, tree)
    return manifest(root)


def put_tree(root: Path, tree: Tree) -> None:
    """Do as `write_tree` without taking the manifest: for big trees."""
    root.mkdir(parents=True, exist_ok=True)
    hard_links: list[tuple[bytes, Name]] = []
    dated: dict[bytes, Folder] = {}
    with Cursor(root) as here:
        for path, folder in _entered(here, tree):
            dated[path] = folder
            for name, node in folder.tree.items():
                if isinstance(node, HardLink):
                    hard_links.append((join(path, as_name(name)), node.path))
                elif not isinstance(node, Mapping | Folder):
                    _write(here.fd, as_name(name), node)
    for path, source in hard_links:
        os.link(os.path.join(os.fsencode(root), as_name(source)), os.path.join(os.fsencode(root), path))
    _date_folders(root, dated)


def read_tree(root: Path) -> dict[Name, Any]:
    """Give `root` as a nested dict of contents, without the control directory.

    Names and contents are str where they are valid UTF-8, else bytes (`plain`
    brings a written tree into this form); links are `Link`, pipes `Fifo`,
    sockets `Socket`; a hard link is just a file.
    """
    found: dict[bytes, dict[Name, Any]] = {}
    for path, fd, names in folders(root):
        found[path] = {_text(name): _read(fd, name) for name in names if not is_folder(fd, name)}
        if path:
            parent, _, name = path.rpartition(b"/")
            found[parent][_text(name)] = found[path]
    return found[b""]


def plain(tree: Tree) -> dict[Name, Any]:
    """Give a tree to write in the form in which `read_tree` gives it back. Hard links aren't supported."""
    return {_text(as_name(name)): _plain_node(node) for name, node in tree.items()}


def as_name(name: Name) -> bytes:
    """Give a name or a content as bytes; lone surrogates are the bytes they stand for."""
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def nanoseconds(moment: float | str | None) -> int:
    """Give a time of `File` or `Folder` as nanoseconds since the epoch."""
    if moment is None:
        return LONG_AGO_NS
    if isinstance(moment, str):
        parsed = datetime.fromisoformat(moment)
        moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    return round(moment * 1_000) * 1_000_000


def _entered(here: Cursor, tree: Tree) -> Iterator[tuple[bytes, Folder]]:
    """Make each folder of `tree`, go there, and yield its path and itself: parents first."""
    path, folder = b"", Folder(tree)
    yield path, folder
    waiting = [_subfolders(folder)]
    while waiting:
        if not waiting[-1]:
            waiting.pop()
            if waiting:
                here.up()
                path = path.rpartition(b"/")[0]
            continue
        name, folder = waiting[-1].pop()
        _make_folder(here.fd, name)
        here.down(name)
        path = join(path, name)
        yield path, folder
        waiting.append(_subfolders(folder))


def _subfolders(folder: Folder) -> list[tuple[bytes, Folder]]:
    found = []
    for name, node in folder.tree.items():
        if isinstance(node, Mapping):
            found.append((as_name(name), Folder(node)))
        elif isinstance(node, Folder):
            found.append((as_name(name), node))
    return found


def _make_folder(fd: int, name: bytes) -> None:
    try:
        os.mkdir(name, dir_fd=fd)
    except FileExistsError:
        if not is_folder(fd, name):
            raise


def _date_folders(root: Path, dated: Mapping[bytes, Folder]) -> None:
    for path, fd, _ in folders(root):
        folder = dated.get(path)
        if folder is not None:
            _set_xattrs(fd, folder.xattrs)
            os.fchmod(fd, folder.mode)
            os.utime(fd, ns=(nanoseconds(folder.mtime),) * 2)


def _write(fd: int, name: bytes, node: object) -> None:
    if isinstance(node, File):
        _write_file(fd, name, node)
    elif isinstance(node, str | bytes):
        _write_file(fd, name, File(node))
    else:
        _write_special(fd, name, node)
        os.utime(name, ns=(LONG_AGO_NS,) * 2, dir_fd=fd, follow_symlinks=False)


def _write_special(fd: int, name: bytes, node: object) -> None:
    if isinstance(node, Link):
        os.symlink(as_name(node.target), name, dir_fd=fd)
    elif isinstance(node, Fifo):
        os.mkfifo(name, FILE_MODE, dir_fd=fd)
    elif isinstance(node, Socket):
        os.mknod(name, stat.S_IFSOCK | FILE_MODE, dir_fd=fd)
    else:
        raise TypeError(f"{name!r}: a tree can't hold {node!r}")


def _write_file(fd: int, name: bytes, node: File) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o600, dir_fd=fd)
    try:
        _write_all(file, as_name(node.content))
        if node.size is not None:
            os.ftruncate(file, node.size)
        _set_xattrs(file, node.xattrs)
        os.fchmod(file, node.mode)
        os.utime(file, ns=(nanoseconds(node.mtime),) * 2)
    finally:
        os.close(file)


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def _set_xattrs(fd: int, xattrs: Mapping[str, bytes]) -> None:
    for name, value in xattrs.items():
        try:
            os.setxattr(fd, name, value)
        except (OSError, AttributeError):  # not on this file system, not on this system
            return


def _read(fd: int, name: bytes) -> object:
    mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return Link(_text(os.readlink(name, dir_fd=fd)))
    if stat.S_ISFIFO(mode):
        return Fifo()
    if stat.S_ISSOCK(mode):
        return Socket()
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd), "rb") as file:
        return _text(file.read())


def _text(value: bytes) -> Name:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _plain_node(node: object) -> object:
    if isinstance(node, Mapping):
        return plain(node)
    if isinstance(node, Folder):
        return plain(node.tree)
    if isinstance(node, Link):
        return Link(_text(as_name(node.target)))
    if isinstance(node, Fifo | Socket):
        return node
    if isinstance(node, HardLink):
        raise TypeError("write the content of a hard link as a file to compare it")
    return _plain_file(node if isinstance(node, File) else File(node))  # type: ignore[arg-type]  # str or bytes


def _plain_file(file: File) -> Name:
    content = as_name(file.content)
    if file.size is not None:
        content = content[: file.size].ljust(file.size, b"\0")
    return _text(content)
