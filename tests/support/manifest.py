"""What a tree is, name by name and byte by byte (R14 of the reliability rules), and how two trees differ."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.support.walking import CONTROL_DIRECTORY, folders, join

TRASHED = re.compile(rb"\d+-\d+")
"""How the trash names what it holds (R17: `trash/<operation>/<seq>-<i>`); other files there are its own records."""
BLOCK = 1 << 20
KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


class Item(NamedTuple):
    """One name of a tree. Equal items are the same to a user; ctime and atime don't count."""

    kind: str
    mode: int
    """Permission bits, with setuid, setgid and sticky."""
    uid: int
    gid: int
    size: int
    """Bytes; 0 for a folder, whose size is the file system's affair."""
    mtime_ns: int
    content: bytes
    """SHA-256 of a file, target of a symlink, else empty."""
    xattrs: tuple[tuple[str, bytes], ...]
    """Sorted by name; POSIX ACLs are among them."""
    group: bytes
    """First path of the inode's names in this tree; empty when it has only one."""


Manifest = dict[bytes, Item]


def manifest(root: Path | bytes | str, *, root_itself: bool = True) -> Manifest:
    """Map each path below `root` (bytes, relative, sorted) to what is there.

    `b""` is the root, left out with `root_itself=False`. The control directory
    is left out. Raises OSError for what can't be read. The tree must be quiet.
    """
    items: Manifest = {}
    seen: dict[tuple[int, int], list[bytes]] = {}
    for path, fd, names in folders(root):
        items[path] = _folder_item(fd)
        for name in names:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                continue
            inode = status.st_dev, status.st_ino
            same = seen.setdefault(inode, [])
            here = join(path, name)
            items[here] = items[same[0]] if same else _item(fd, name, status)
            same.append(here)
    _mark_hard_links(items, seen)
    if not root_itself:
        del items[b""]
    return dict(sorted(items.items()))


def difference(before: Manifest, after: Manifest) -> list[str]:
    """Readable lines, one for each path that is gone, new or changed; empty when the trees are the same."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None and new is not None:
            lines.append(f"new: {path!r} ({new.kind}, {new.size} bytes)")
        elif new is None and old is not None:
            lines.append(f"gone: {path!r} ({old.kind}, {old.size} bytes)" + _whereabouts(old, before, after))
        elif old is not None and new is not None and old != new:
            lines.append(f"changed: {path!r}: " + ", ".join(_changes(old, new)))
    return lines


def contents(root: Path | bytes | str) -> Counter[bytes]:
    """Count each content (SHA-256) among the live files and what lies in the trash; one inode counts once.

    The journal, locks and the trash's own records aren't contents: invariant I1
    is that this counter stays as it was.
    """
    found: Counter[bytes] = Counter()
    seen: set[tuple[int, int]] = set()
    for path, fd, names in folders(root, control=True):
        for name in names:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            inode = status.st_dev, status.st_ino
            if stat.S_ISREG(status.st_mode) and inode not in seen and _is_users(join(path, name)):
                seen.add(inode)
                found[_digest(fd, name)] += 1
    return found


def _is_users(path: bytes) -> bool:
    """Whether a file is the user's: outside the control directory, or held by the trash."""
    parts = path.split(b"/", 4)
    if parts[0] != CONTROL_DIRECTORY:
        return True
    return len(parts) >= 4 and parts[1] == b"trash" and TRASHED.fullmatch(parts[3]) is not None


def _folder_item(fd: int) -> Item:
    status = os.fstat(fd)
    return _with_status("folder", status, 0, b"", _xattrs(fd))


def _item(fd: int, name: bytes, status: os.stat_result) -> Item:
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    content = b""
    if kind == "file":
        content = _digest(fd, name)
    elif kind == "symlink":
        content = os.readlink(name, dir_fd=fd)
    # There is no lgetxattrat: the magic link reaches any name without opening it, a FIFO too.
    return _with_status(kind, status, status.st_size, content, _xattrs(b"/proc/self/fd/%d/%s" % (fd, name)))


def _with_status(
    kind: str, status: os.stat_result, size: int, content: bytes, xattrs: tuple[tuple[str, bytes], ...]
) -> Item:
    mode = stat.S_IMODE(status.st_mode)
    return Item(kind, mode, status.st_uid, status.st_gid, size, status.st_mtime_ns, content, xattrs, b"")


def _xattrs(where: int | bytes) -> tuple[tuple[str, bytes], ...]:
    if not hasattr(os, "listxattr"):
        return ()
    follow = isinstance(where, int)
    try:
        names = os.listxattr(where, follow_symlinks=follow)
    except OSError:
        return ()
    return tuple((name, os.getxattr(where, name, follow_symlinks=follow)) for name in sorted(names))


def _digest(fd: int, name: bytes) -> bytes:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        digest = hashlib.sha256()
        while block := os.read(file, BLOCK):
            digest.update(block)
        return digest.digest()
    finally:
        os.close(file)


def _mark_hard_links(items: Manifest, seen: dict[tuple[int, int], list[bytes]]) -> None:
    for paths in seen.values():
        if len(paths) > 1:
            first = min(paths)
            items.update((path, items[path]._replace(group=first)) for path in paths)


def _changes(old: Item, new: Item) -> list[str]:
    pairs = zip(Item._fields, old, new, strict=True)
    return [f"{field} {_shown(was)} -> {_shown(now)}" for field, was, now in pairs if was != now]


def _shown(value: object) -> str:
    return value.hex()[:12] if isinstance(value, bytes) and len(value) == 32 else repr(value)


def _whereabouts(old: Item, before: Manifest, after: Manifest) -> str:
    """Where the content of a file that is gone may be now."""
    if old.kind != "file":
        return ""
    places = [path for path, item in after.items() if item.content == old.content and path not in before]
    return f", its content is now at {places[0]!r}" if places else ", its content is at no new path"
