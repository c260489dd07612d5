"""Roots and folders."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from backend.api.schemas.base import Base64, Input, Moment, Output, PlainText
from backend.models import Root
from backend.services.roots import GrantedTo, Place, SubFolder
from fileorganizer.errors import path_members


class RootRead(Output):
    """A folder that the caller may work in."""

    id: UUID
    path: str
    path_b64: str | None = None
    is_home: bool
    created_at: Moment

    @classmethod
    def of(cls, root: Root) -> Self:
        """From its row."""
        return cls(id=root.id, is_home=root.is_home, created_at=root.created_at, **path_members(root.path))


class RootList(Output):
    """The caller's roots."""

    roots: list[RootRead]


class GrantedUser(Output):
    """A user of a root."""

    id: UUID
    username: str


class GrantedRootRead(RootRead):
    """A root with its users, for administrators."""

    users: list[GrantedUser]

    @classmethod
    def of_grant(cls, granted: GrantedTo) -> Self:
        """From its row and grants."""
        users = [GrantedUser(id=user_id, username=name) for user_id, name in granted.users]
        return cls(users=users, **RootRead.of(granted.root).model_dump())


class GrantedRootList(Output):
    """All roots."""

    roots: list[GrantedRootRead]
    total: int


class RootGrantCreate(Input):
    """A folder for a user."""

    user_id: UUID
    path: PlainText | None = Field(default=None, max_length=4_096)
    path_b64: Base64 | None = Field(default=None, max_length=8_192)

    @model_validator(mode="after")
    def _one_path(self) -> Self:
        """The folder is named once."""
        if (self.path is None) == (self.path_b64 is None):
            raise ValueError("name the folder as path or as path_b64")
        return self


class FolderRead(Output):
    """A folder to pick."""

    name: str
    path: str
    path_b64: str | None = None
    has_folders: bool


class FolderList(Output):
    """The folders in a folder."""

    path: str
    path_b64: str | None = None
    folders: list[FolderRead]
    more: bool
    """There are more than are listed."""

    @classmethod
    def of(cls, place: Place, folders: list[SubFolder], more: bool) -> Self:
        """From what was found."""
        listed = [
            FolderRead(
                name=path_members(folder.name)["path"], has_folders=folder.has_folders, **path_members(folder.path)
            )
            for folder in folders
        ]
        return cls(folders=listed, more=more, **path_members(place.path))
