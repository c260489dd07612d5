"""The profiles: what a kind of user starts with, on top of the built-in categories."""

from __future__ import annotations

from typing import Final

from fileorganizer.errors import InvalidOption
from fileorganizer.rules.categories_file import Profile, catalogue

DEFAULT_PROFILE: Final = "personal"


def profile_names() -> tuple[str, ...]:
    """The names that ``--profile`` takes, in the order of the data file."""
    return tuple(catalogue().profiles)


def profile_named(name: str) -> Profile:
    """The profile with this name. Raises ``InvalidOption``, which names the known ones, for any other."""
    found = catalogue().profiles.get(name)
    if found is None:
        raise InvalidOption(f"There is no profile {name!r}. Choose one of: {', '.join(profile_names())}.")
    return found
