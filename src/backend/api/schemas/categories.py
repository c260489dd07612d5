"""Categories."""

from __future__ import annotations

import re
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from backend.api.schemas.base import Input, Output, PlainText, in_small_letters_at_most
from backend.services.categories import CategoryView, CategoryWanted

_EXTENSION = re.compile(r"[^\s./\\\x00-\x1f]+(\.[^\s./\\\x00-\x1f]+)?")


def _folder_name(value: str) -> str:
    """A category is a folder: its name has to be one component."""
    name = value.strip()
    if not name or name.startswith(".") or name.endswith(".") or re.search(r'[/\\:*?"<>|{}\x00-\x1f\x7f]', name):
        raise ValueError("can't be the name of a folder")
    return name


def _extension(value: object) -> object:
    """Lower case, without the dot in front; may be compound: ``tar.gz``."""
    if not isinstance(value, str):
        return value
    plain = value.strip().lower().removeprefix(".")
    if len(plain) > 30 or not _EXTENSION.fullmatch(plain):
        raise ValueError("isn't an extension")
    return plain


Extension = Annotated[PlainText, BeforeValidator(_extension)]
Keyword = Annotated[PlainText, StringConstraints(min_length=1, max_length=50, strip_whitespace=True, to_lower=True)]


class RulesModel(Input):
    """What a category's files are recognised by: one of the words in the name, or the extension."""

    extensions: list[Extension] = Field(default=[], max_length=200)
    keywords: list[Keyword] = Field(default=[], max_length=200)

    @model_validator(mode="after")
    def _something(self) -> Self:
        """Without either, nothing would ever be in it."""
        if not self.extensions and not self.keywords:
            raise ValueError("name at least one extension or keyword")
        return self


class CategoryCreate(Input):
    """A category of one's own."""

    name: Annotated[
        PlainText,
        Field(min_length=1, max_length=50),
        AfterValidator(_folder_name),
        AfterValidator(in_small_letters_at_most(50)),
    ]
    description: PlainText = Field(default="", max_length=500)
    rules: RulesModel
    color: PlainText = Field(default="#64748b", pattern=r"^#[0-9a-fA-F]{6}$")
    icon: PlainText = Field(default="folder", pattern=r"^[a-z0-9-]{1,50}$")

    def wanted(self) -> CategoryWanted:
        """As the service takes it."""
        extensions, keywords = dict.fromkeys(self.rules.extensions), dict.fromkeys(self.rules.keywords)
        return CategoryWanted(
            self.name, self.description, list(extensions), list(keywords), self.color.lower(), self.icon
        )


class RulesRead(Output):
    """What a category's files are recognised by."""

    extensions: list[str]
    keywords: list[str]


class CategoryRead(Output):
    """A category."""

    id: UUID
    name: str
    description: str
    rules: RulesRead
    color: str
    icon: str
    is_custom: bool
    file_count: int

    @classmethod
    def of(cls, view: CategoryView) -> Self:
        """From the service's answer."""
        named = {name: getattr(view, name) for name in view.__slots__}
        return cls.model_validate({**named, "rules": RulesRead.model_validate(view)})


class CategoryList(Output):
    """All categories."""

    categories: list[CategoryRead]
    custom_count: int
