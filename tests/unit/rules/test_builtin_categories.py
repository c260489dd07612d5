"""The data file keeps its promises: names, counts, colours, profiles."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest

from fileorganizer.errors import InvalidOption, JournalDamaged
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.categories_file import catalogue
from fileorganizer.rules.matching import Matcher
from fileorganizer.rules.profiles import profile_names
from fileorganizer.rules.syntax import RuleSet
from tests.support.at_start.sitecustomize import unmeasured

NAMES = [
    "Documents", "Images", "Videos", "Audio", "Code", "Archives", "Spreadsheets",
    "Presentations", "Executables", "Fonts", "Ebooks", "Design", "Data", "Other",
]  # fmt: skip


def test_the_promised_categories_are_there() -> None:
    """The names that the product promises, in order, with everything that is shown of them."""
    categories = catalogue().categories
    assert [category.name for category in categories] == NAMES
    assert all(category.description and category.icon and category.color for category in categories)


def test_every_extension_belongs_to_one_category() -> None:
    """At least 400 distinct ones, lower case, without a dot in front, none twice."""
    extensions = [extension for category in catalogue().categories for extension in category.extensions]
    assert len(extensions) == len(set(extensions)) >= 400
    assert all(e == e.lower().strip(".") and e.isascii() and not set(e) & set(" /\\") for e in extensions)
    assert {"tar.gz", "tar.bz2", "tar.xz", "tar.zst", "user.js", "d.ts", "min.js", "cr3", "nef", "arw"} <= set(
        extensions
    )


def test_every_content_prefix_and_carrier_is_claimed_once() -> None:
    """Two categories claiming one type would make the order of the file decide."""
    claimed = [prefix for category in catalogue().categories for prefix in category.content]
    assert len(claimed) == len(set(claimed))
    assert all(set(names) <= set(NAMES) for _, names in catalogue().carriers)


def _luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("profile", profile_names())
def test_colours_are_legible_and_distinct(profile: str) -> None:
    """3:1 against white and against the dark page (WCAG 1.4.11), and no two alike."""
    colors = [category.color for category in builtin_rules(profile).categories]
    dark = _luminance("#111827")
    for color in colors:
        assert (
            len(color) == 7
            and 1.05 / (_luminance(color) + 0.05) >= 3
            and (_luminance(color) + 0.05) / (dark + 0.05) >= 3
        )
    for one, other in itertools.combinations(colors, 2):
        assert sum((int(one[i : i + 2], 16) - int(other[i : i + 2], 16)) ** 2 for i in (1, 3, 5)) ** 0.5 >= 24, (
            one,
            other,
        )


def test_profiles_differ_where_they_should() -> None:
    """Each profile files the same names in its own way."""

    def category(profile: str, name: bytes) -> str:
        rules = builtin_rules(profile)
        return rules.categories[Matcher(rules).category(name)].name

    assert set(profile_names()) == {"personal", "business", "developer", "photographer"}
    assert category("personal", b"Invoice 2024.pdf") == "Documents"
    assert category("business", b"Invoice 2024.pdf") == "Invoices"
    assert category("developer", b"app.toml") == "Configuration"
    assert category("photographer", b"Main.lrcat") == "Catalogues"
    assert "{taken" in builtin_rules("photographer").layout


def test_an_unknown_profile_names_the_known_ones() -> None:
    """The message is what the user reads."""
    with pytest.raises(InvalidOption, match="personal, business, developer, photographer"):
        builtin_rules("pirate")


@pytest.mark.parametrize("profile", profile_names())
def test_a_snapshot_gives_the_rules_back(profile: str) -> None:
    """Also the same bytes for equal rules, since plans are compared by digest."""
    rules = builtin_rules(profile)
    assert RuleSet.decode(rules.encode()) == rules
    assert RuleSet.decode(rules.encode()).encode() == rules.encode()


@pytest.mark.parametrize("damaged", [b"", b"\x00", b"\x92\x02\xc0", b"\x92\x01\xc0", b"nonsense", b"\x92\x01\x80"])
def test_a_damaged_or_newer_snapshot_is_refused(damaged: bytes) -> None:
    """With the error of the journal that it is stored in."""
    with pytest.raises(JournalDamaged):
        RuleSet.decode(damaged)


def test_importing_the_matcher_reads_no_data() -> None:
    """A command that needs no rules doesn't pay for tomllib."""
    code = "import sys, fileorganizer.rules.matching, fileorganizer.rules.builtin_categories; sys.exit('tomllib' in sys.modules)"
    environment = unmeasured(os.environ)
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
