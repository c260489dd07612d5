"""Granted folders: who may work where, and how a path in a request becomes a folder. Every path is resolved and confined."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.config import Settings
from backend.database import Database
from backend.models import Root
from backend.repositories.roots import AllRoots, GrantedRoots
from backend.services.auditing import audit, new_uuid, now
from backend.services.callers import Caller, Client
from backend.services.errors import AlreadyThere, InvalidInput, NotFound, RootMissing, RootNotGranted
from fileorganizer.errors import RootRefused
from fileorganizer.execution.workplace import resolve_root
from fileorganizer.fs.identity import TOPMOST_INODES
from fileorganizer.model import CONTROL_DIRECTORY

PATH_BYTES: Final = 4_095
"""PATH_MAX of Linux without its NUL."""
NAME_BYTES: Final = 255
ROOT_BYTES: Final = 2_600
"""The longest path of a root: what is unique has to fit into an index of PostgreSQL. Those of folders and files in it needn't."""
LISTED_FOLDERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in a granted root, resolved."""

    root_id: UUID
    path: bytes
    lineage: list[str]
    """``device:inode`` of it and of the folders above it."""


@dataclass(frozen=True, slots=True)
class SubFolder:
    """A folder to pick."""

    path: bytes
    name: bytes
    has_folders: bool


@dataclass(frozen=True, slots=True)
class GrantedTo:
    """A root and its users, by id and name."""

    root: Root
    users: list[tuple[UUID, str]]


class RootService:
    """The roots."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Homes are made below the storage directory."""
        self._settings, self._database = settings, database

    # homes

    async def make_home(self, user_id: UUID) -> Place:
        """Make the folder that a user may always work in."""
        return await asyncio.to_thread(_make_home, os.fsencode(self._settings.storage / str(user_id)))

    async def unmake_home(self, home: Place) -> None:
        """Remove a home that nobody has come to live in."""
        await asyncio.to_thread(os.rmdir, home.path)

    async def register_home(self, session: AsyncSession, user_id: UUID, home: Place, moment: datetime) -> None:
        """Grant a home to its user, within the transaction that makes the user."""
        await AllRoots(session).grant(_root(home, moment, is_home=True), user_id, moment)

    # resolving

    async def granted(self, caller: Caller) -> list[Root]:
        """The caller's roots."""
        async with self._database.reading() as session:
            return list(await GrantedRoots(session, caller.owner).all())

    async def find(self, caller: Caller, path: bytes, field: str) -> Place:
        """The folder that a path of a request means: absolute, or relative to the caller's home (for a key of one root: to that).

        Raises InvalidInput, RootNotGranted (also when it leads out by a link) and RootMissing.
        """
        check_path(path, field)
        roots = await self.granted(caller)
        if not path.startswith(b"/"):
            if not roots or not (roots[0].is_home or caller.limit):
                raise RootNotGranted
            path = os.path.join(roots[0].path, path)
        return await asyncio.to_thread(_confined, roots, path)

    async def folders(self, caller: Caller, path: bytes) -> tuple[Place, list[SubFolder], bool]:
        """The folders in a folder, and whether there are more than are listed."""
        place = await self.find(caller, path, "path")
        found, more = await asyncio.to_thread(_sub_folders, place.path)
        return place, found, more

    # administration

    async def page(self, limit: int, offset: int) -> tuple[list[GrantedTo], int]:
        """All roots with their users."""
        async with self._database.reading() as session:
            everything = AllRoots(session)
            roots, total = await everything.page(limit, offset)
            grants = await everything.grants([root.id for root in roots])
        return [GrantedTo(root, grants.get(root.id, [])) for root in roots], total

    async def grant(self, caller: Caller, path: bytes, user_id: UUID, client: Client) -> GrantedTo:
        """Let a user work on a folder. Raises InvalidInput, NotFound, AlreadyThere."""
        granted = await self.grant_to(path, user_id)
        async with self._database.writing() as session:
            session.add(audit(caller.user_id, "root granted", client, f"{granted.root.id} to {user_id}"))
        return granted

    async def offer(self, path: bytes) -> None:
        """Let all administrators work on a folder; where there is none yet, it waits for the first."""
        place = await asyncio.to_thread(self._grantable, path)
        async with self._database.writing() as session:
            everything = AllRoots(session)
            await everything.take_turn()
            root = _chosen_root(await everything.all(), place)
            await everything.keep(root)
            for user_id in await everything.administrators():
                await everything.grant(root, user_id, now())

    async def take_offered(self, session: AsyncSession, user_id: UUID) -> None:
        """Grant what waits for an administrator, within the transaction that makes one."""
        everything = AllRoots(session)
        roots = await everything.all()
        grants = await everything.grants([root.id for root in roots])
        for root in roots:
            if root.id not in grants:
                await everything.grant(root, user_id, now())

    async def grant_to(self, path: bytes, user_id: UUID) -> GrantedTo:
        """Let a user work on a folder. Raises InvalidInput, NotFound, AlreadyThere."""
        check_path(path, "path")
        if not path.startswith(b"/"):
            raise InvalidInput("path", "Name the folder by its absolute path.")
        place = await asyncio.to_thread(self._grantable, path)
        async with self._database.writing() as session:
            everything = AllRoots(session)
            await everything.take_turn()
            if not await everything.user_exists(user_id):
                raise NotFound("user")
            root = _chosen_root(await everything.all(), place)
            root.device, root.inode = _numbers(place)  # asked for by its name: what lies there now is meant
            await everything.grant(root, user_id, now())
            users = (await everything.grants([root.id]))[root.id]
        return GrantedTo(root, users)

    async def revoke(self, caller: Caller, root_id: UUID, user_id: UUID, client: Client) -> None:
        """Take a root away from a user. Raises NotFound."""
        async with self._database.writing() as session:
            if not await AllRoots(session).revoke(root_id, user_id):
                raise NotFound("grant")
            session.add(audit(caller.user_id, "root revoked", client, f"{root_id} from {user_id}"))

    def _grantable(self, path: bytes) -> Place:
        """A folder that may become a root. Raises InvalidInput."""
        try:
            place = _place(new_uuid(), resolve_root(path))
        except RootRefused as error:
            raise InvalidInput("path", str(error)) from error
        for own in (self._settings.folder, self._settings.storage):
            folder = os.path.realpath(os.fsencode(own))
            if _is_below(folder, place.path) or _identity(folder) in place.lineage:
                raise InvalidInput("path", "The server's own folders can't be granted.")
        if len(place.path) > ROOT_BYTES:
            raise InvalidInput("path", f"The path of a root has at most {ROOT_BYTES} bytes. Grant a folder above it.")
        return place


def check_path(path: bytes, field: str) -> None:
    """Raise InvalidInput for a path that can't name a folder of the user's, before the file system sees it."""
    parts = path.split(b"/")
    if not path or b"\0" in path or len(path) > PATH_BYTES or any(len(part) > NAME_BYTES for part in parts):
        raise InvalidInput(field, "This can't be a path.")
    if b".." in parts:
        raise InvalidInput(field, "A path here has no '..'.")
    if CONTROL_DIRECTORY in parts:
        raise InvalidInput(field, "This is the folder of records; it can't be worked on.")


def _make_home(path: bytes) -> Place:
    """A folder for its user, seen by nobody else."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return _place(new_uuid(), os.path.realpath(path))


def _confined(roots: list[Root], path: bytes) -> Place:
    """The folder, if it is below one of the roots after all links are followed."""
    real = os.path.realpath(path)
    if CONTROL_DIRECTORY in real.split(b"/"):
        raise RootNotGranted
    for root in roots:
        if not _is_below(real, root.path):
            continue
        if not os.path.isdir(real):
            raise RootMissing(real)
        place = _place(root.id, real)
        if not is_the_folder(root.path, f"{root.device}:{root.inode}"):
            raise RootMissing(
                root.path, "isn't the folder any more that was granted. Connect its disk, or have it granted again."
            )
        return place
    raise RootNotGranted


def is_the_folder(path: bytes, identity: str) -> bool:
    """Is it the folder that had this ``device:inode``, and not another disk's, or the empty one where its disk was?

    Devices get their numbers when the system starts and when a disk is connected, so it is the inode that tells. Where that is
    the same on all disks, the .fileorganizer of an earlier operation has to be there, too.
    """
    device, inode = map(int, identity.split(":"))
    try:
        status = os.stat(path)
    except OSError:
        return False
    if status.st_ino != inode:
        return False
    return status.st_dev == device or inode > TOPMOST_INODES or os.path.isdir(os.path.join(path, CONTROL_DIRECTORY))


def _identity(path: bytes) -> str:
    """Device and inode as text."""
    status = os.stat(path)
    return f"{status.st_dev}:{status.st_ino}"


def _place(root_id: UUID, real: bytes) -> Place:
    """A folder with the identities of those above it."""
    lineage = [_identity(real)]
    here = real
    while here != b"/":
        here = os.path.dirname(here)
        lineage.append(_identity(here))
    return Place(root_id, real, lineage)


def _root(place: Place, moment: datetime, *, is_home: bool) -> Root:
    """A new root at a place."""
    device, inode = _numbers(place)
    return Root(id=place.root_id, path=place.path, device=device, inode=inode, is_home=is_home, created_at=moment)


def _numbers(place: Place) -> tuple[int, int]:
    """Device and inode of a place."""
    device, inode = map(int, place.lineage[0].split(":"))
    return device, inode


def _chosen_root(roots: Iterable[Root], place: Place) -> Root:
    """The root at this place, there already or new. Raises AlreadyThere when another lies above or inside."""
    for root in roots:
        if root.path == place.path and not root.is_home:
            return root
        if _is_below(root.path, place.path) or _lies_above(root, place):
            raise AlreadyThere("A root above or inside this folder is granted already. Grant that one.")
    return _root(place, now(), is_home=False)


def _lies_above(root: Root, place: Place) -> bool:
    """Is a root the place or above it, by whatever path? Another disk may have the number now that the root's had."""
    try:
        return f"{root.device}:{root.inode}" in place.lineage and _identity(root.path) in place.lineage
    except OSError:
        return False


def in_a_root(roots: Iterable[Root], path: bytes) -> bool:
    """Is a folder one of these roots, or in one?"""
    return any(_is_below(path, root.path) for root in roots)


def _is_below(path: bytes, folder: bytes) -> bool:
    """Is ``path`` the folder or in it?"""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _sub_folders(path: bytes) -> tuple[list[SubFolder], bool]:
    """The folders in a folder by name, without hidden ones and links; an unreadable one has none."""
    names = sorted(_folder_names(path))
    paths = [(os.path.join(path, name), name) for name in names[:LISTED_FOLDERS]]
    return [SubFolder(inner, name, bool(_folder_names(inner))) for inner, name in paths], len(names) > LISTED_FOLDERS


def _folder_names(path: bytes) -> list[bytes]:
    """The names of the folders in a folder."""
    try:
        with os.scandir(path) as listing:
            return [e.name for e in listing if not e.name.startswith(b".") and e.is_dir(follow_symlinks=False)]
    except OSError:
        return []
