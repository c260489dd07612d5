"""The rules that a profile comes with."""

from __future__ import annotations

from functools import cache

from fileorganizer.rules.categories_file import catalogue
from fileorganizer.rules.profiles import DEFAULT_PROFILE, profile_named
from fileorganizer.rules.syntax import RuleSet


@cache
def builtin_rules(profile: str = DEFAULT_PROFILE) -> RuleSet:
    """The categories of the profile ahead of the built-in ones, and its layout. Raises ``InvalidOption`` for an unknown profile."""
    chosen = profile_named(profile)
    return RuleSet(chosen.categories + catalogue().categories, profile, chosen.layout, catalogue().carriers)
