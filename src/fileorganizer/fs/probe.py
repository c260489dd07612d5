"""What a file system can do: looked up where that is enough, tried in the control directory where it isn't."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

import msgspec

from fileorganizer.fs import _linux, moving
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint

_FS_IOC_GETFLAGS = 0x80086601  # linux/fs.h
_FS_CASEFOLD_FL = 0x40000000
_CASE_INSENSITIVE = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "cifs", "smb3", "hfsplus", "hfs"})
_WINDOWS_NAMES = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "cifs", "smb3"})
_WEAK = frozenset({"overlay", "vfat", "msdos", "exfat", "fuseblk", "cifs", "smb3", "nfs", "nfs4", "9p", "virtiofs"})
_NO_CHANGE_TIMES = frozenset({"vfat", "msdos", "exfat"})
PLACE = b"probe"
"""The folder for trying, in the control directory."""
_ODD_TIME = 1_234_567_891_123_456_789


class Capabilities(msgspec.Struct, frozen=True):
    """What one root's file system guarantees. Kept with each operation; a change of it stops the next run."""

    file_system: str
    case_sensitive: bool
    normalizing: bool
    windows_names: bool
    max_name_bytes: int
    read_only: bool
    free_bytes: int
    free_inodes: int
    device: int
    mount: int
    strong_identity: bool
    """Inode numbers stay with a file: across renames and remounts."""
    exclusive_rename: str = "untried"
    """renameat2, link (link and unlink instead), none, or untried (nothing was written)."""
    hard_links: str = "untried"
    time_granularity_ns: int = 0
    """0: untried."""


def look_up(root: Root) -> Capabilities:
    """What can be told without writing anything."""
    kind = _file_system(root.mount)
    status = os.fstatvfs(root.fd)
    return Capabilities(
        file_system=kind,
        case_sensitive=kind not in _CASE_INSENSITIVE and not _is_casefolded(root.fd),
        normalizing=kind in ("hfsplus", "apfs") or _is_casefolded(root.fd),
        windows_names=kind in _WINDOWS_NAMES,
        max_name_bytes=status.f_namemax or 255,
        read_only=bool(status.f_flag & os.ST_RDONLY),
        free_bytes=status.f_bavail * status.f_frsize,
        free_inodes=status.f_favail,
        device=root.dev,
        mount=root.mount,
        strong_identity=kind not in _WEAK and not kind.startswith("fuse"),
    )


def try_out(root: Root, control_fd: int) -> Capabilities:
    """The same, and what has to be tried: in a folder of its own inside the control directory, whose lock is held.

    What one that was cut off left in that folder is removed first.
    """
    known = look_up(root)
    try:
        os.mkdir(PLACE, 0o700, dir_fd=control_fd)
    except FileExistsError:
        pass
    fd = os.open(PLACE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=control_fd)
    try:
        _empty(fd)
        faultpoint("probe.begun")
        return _try_out(known, fd)
    finally:
        _empty(fd)
        os.close(fd)
        faultpoint("probe.emptied")
        os.rmdir(PLACE, dir_fd=control_fd)


def _empty(fd: int) -> None:
    """Remove the files of a trial."""
    for left in os.listdir(fd):
        os.unlink(left, dir_fd=fd)


def shows_changes(root: Root) -> bool:
    """Can't a file be changed here without showing it by its ctime?

    FAT knows no such time, only that of the content, which anybody may set; it also numbers inodes anew at each mount. What
    a file system in user space answers is its own affair.
    """
    kind = _file_system(root.mount)
    return kind not in _NO_CHANGE_TIMES and not kind.startswith("fuse")


def _try_out(known: Capabilities, fd: int) -> Capabilities:
    """Try exclusive rename, hard links, inode stability and time granularity in an empty folder."""
    for name in (b"a", b"b"):
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=fd))
    os.utime(b"a", ns=(_ODD_TIME, _ODD_TIME), dir_fd=fd)
    before = os.stat(b"a", dir_fd=fd)
    faultpoint("probe.made")
    links = _can_link(fd)
    rename = _exclusive_rename(fd, links)
    now = b"c" if rename == "renameat2" else b"a"
    stays = os.stat(now, dir_fd=fd).st_ino == before.st_ino
    os.fsync(fd)
    return msgspec.structs.replace(
        known,
        exclusive_rename=rename,
        hard_links="yes" if links else "no",
        strong_identity=known.strong_identity and stays,
        time_granularity_ns=_granularity(before.st_mtime_ns),
    )


def _can_link(fd: int) -> bool:
    """Can a file have two names here?"""
    try:
        moving.link_exclusive(fd, b"a", fd, b"twin")
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            return False
        raise
    os.unlink(b"twin", dir_fd=fd)
    return True


def _exclusive_rename(fd: int, links: bool) -> str:
    """Which way of moving without replacing works: tried on a taken name, then on a free one."""
    try:
        moving.move_exclusive(fd, b"a", fd, b"b")
    except FileExistsError:
        moving.move_exclusive(fd, b"a", fd, b"c")
        return "renameat2"
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            return "link" if links else "none"
        raise
    os.rename(b"b", b"a", src_dir_fd=fd, dst_dir_fd=fd)  # it replaced: such a rename is none
    return "link" if links else "none"


def _granularity(stored: int) -> int:
    """The finest unit that survived in a stored time, in nanoseconds."""
    return next(
        (unit for unit in (1, 100, 1_000, 1_000_000, 1_000_000_000) if _ODD_TIME // unit * unit == stored),
        2_000_000_000,
    )


def _is_casefolded(fd: int) -> bool:
    """Does this ext4 or f2fs folder fold case and normalise (the ``+F`` attribute)?"""
    try:
        flags = struct.unpack("L", fcntl.ioctl(fd, _FS_IOC_GETFLAGS, b"\0" * struct.calcsize("L")))[0]
    except OSError:
        return False
    return bool(flags & _FS_CASEFOLD_FL)


def _file_system(mount: int) -> str:
    """The type of the mount with this id; ``unknown`` where the system doesn't tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            for line in lines:
                left, _, right = line.partition(b" - ")
                if int(left.split(b" ", 1)[0]) == mount:
                    return right.split(b" ", 1)[0].decode("ascii", "replace")
    except OSError:
        pass
    return "unknown"


def supported() -> bool:
    """Is executing proven on this operating system?"""
    return _linux.SUPPORTED
