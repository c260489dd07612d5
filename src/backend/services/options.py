"""What the API calls an option, in the words of the engine. Used when a request is checked and when a worker carries it out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from backend.models import Category as OwnCategory
from backend.services.errors import InvalidInput
from fileorganizer.errors import InvalidOption
from fileorganizer.model import Category, Options
from fileorganizer.planning.layout import Layout
from fileorganizer.planning.naming import NameRules
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.syntax import RuleSet
from fileorganizer.scan.ignoring import Ignoring

_SAME_NAME: Final = (
    "mode",
    "layout",
    "conflict",
    "recursive",
    "include_hidden",
    "max_depth",
    "modified_after",
    "modified_before",
    "profile",
    "remove_empty_dirs",
    "keep_together",
)
_OTHER_NAME: Final = {"min_size": "min_size_bytes", "max_size": "max_size_bytes", "content": "content_detection"}


def engine_options(options: dict[str, Any], *, destination: str | None) -> Options:
    """The engine's options; ``destination`` is the resolved folder, in the file system's encoding."""
    return Options(
        destination=destination,
        exclude=tuple(options["exclude"]),
        extensions=tuple(options["extensions"]),
        categories=tuple(options["categories"]),
        **{name: options[name] for name in _SAME_NAME},
        **{ours: options[name] for ours, name in _OTHER_NAME.items()},
    )


def check_options(options: Options, rules: RuleSet) -> None:
    """Raise InvalidInput for what the engine would refuse later."""
    known = {category.name.lower() for category in rules.categories}
    for name in options.categories:
        if name.lower() not in known:
            raise InvalidInput("categories", "There is no such category. GET /api/v1/categories lists them.")
    try:
        Layout(options.layout or rules.layout, NameRules())
    except InvalidOption as error:
        raise InvalidInput("layout", str(error)) from error
    try:
        Ignoring(options.exclude, include_hidden=options.include_hidden)
    except InvalidOption as error:
        raise InvalidInput("exclude", str(error)) from error


def rules_with(own: Iterable[OwnCategory], profile: str) -> RuleSet:
    """The rules of a profile, with a user's own categories asked first."""
    builtin = builtin_rules(profile)
    mine = [
        Category(
            name=category.name,
            description=category.description,
            extensions=tuple(category.extensions),
            keywords=tuple(category.keywords),
            color=category.color,
            icon=category.icon,
        )
        for category in own
    ]
    return RuleSet((*mine, *builtin.categories), builtin.profile, builtin.layout, builtin.carriers)
