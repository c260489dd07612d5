"""From category and date to a folder; templates can't leave the root."""

from __future__ import annotations

import calendar
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileorganizer import errors
from fileorganizer.planning.layout import NO_EXTENSION, Layout
from fileorganizer.planning.naming import NameRules, allowed

LINUX = NameRules()
WINDOWS = NameRules(case_sensitive=False, windows=True)
TAKEN = calendar.timegm((2024, 2, 29, 23, 59, 59))


def folder(layout: str, *, category: str = "Images", taken: int = TAKEN, name: bytes = b"IMG_1.JPG") -> bytes:
    """The folder of one file."""
    return Layout(layout, LINUX).folder(category, taken, name)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("category", b"Images"),
        ("year", b"2024"),
        ("category_year", b"Images/2024"),
        ("{category}/{year}", b"Images/2024"),
        ("{category}/{taken:%Y/%m}/{name}", b"Images/2024/02"),
        ("{category}/{year}-{month}-{day}", b"Images/2024-02-29"),
        ("{taken}", b"2024-02-29"),
        ("{taken:%G-W%V}/{taken:%j}", b"2024-W09/060"),
        ("{taken:%y%m%d %Hh 100%%}", b"240229 23h 100%"),
        ("Sorted/{extension}", b"Sorted/jpg"),
        ("by type {category}/all", b"by type Images/all"),
        ("Fotos/ä/{year}", "Fotos/ä/2024".encode()),
        ("{name}", b""),
        ("a/b", b"a/b"),
        ("..{extension}", b"..jpg"),
    ],
)
def test_layout_gives_the_folder(layout: str, expected: bytes) -> None:
    """Relative to the destination, in the local day of the file."""
    assert folder(layout) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"a.TAR.GZ", b"tar.gz"),
        (b"README", NO_EXTENSION),
        (b".env", NO_EXTENSION),
        (b"a.b\\c", b"b_c"),
        (b"a.\xff", b"\xff"),
    ],
)
def test_extension_has_a_value_for_every_name(name: bytes, expected: bytes) -> None:
    """Lower case, one component, never empty."""
    assert folder("{extension}", name=name) == expected


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("..", b"_"),
        (".", b"_"),
        ("", b"_"),
        ("a/b", b"a_b"),
        ("/etc", b"_etc"),
        ("x\0\n", b"x__"),
        (".FileOrganizer", b"_.FileOrganizer"),
    ],
)
def test_category_becomes_one_component(category: str, expected: bytes) -> None:
    """A category that a user named can't lead anywhere else, least of all into the journal."""
    assert folder("category_year", category=category) == expected + b"/2024"
    assert folder("category", category="x" * 300).startswith(b"x" * 200)
    assert len(folder("category", category="x" * 300)) == 255


@pytest.mark.parametrize(
    ("layout", "word"),
    [
        ("", "neither"),
        ("years", "neither"),
        ("../{category}", ".."),
        ("{category}/../../etc", ".."),
        ("{taken:..}/{category}", ".."),
        ("{taken:%Y/../..}", ".."),
        ("./{category}", "destination"),
        ("~/{category}", "destination"),
        ("/{category}", "empty"),
        ("{category}/", "empty"),
        ("{category}//{year}", "empty"),
        ("{taken:%Y//%m}", "empty"),
        ("{category}\\{year}", "backslash"),
        ("{category}/\0", "control"),
        ("{category}/\n{year}", "control"),
        ("{owner}", "unknown"),
        ("{category.__class__}", "unknown"),
        ("{}", "unknown"),
        ("{0}", "unknown"),
        ("{year:%Y}", "format"),
        ("{taken:%B}", "%B"),
        ("{taken:%c}", "%c"),
        ("{taken:%}", "supported"),
        ("{category", "braces"),
        ("category}/{year}", "braces"),
        ("{{category}}", "braces"),
        ("{name}/{category}", "renamed"),
        ("{category}/{year}-{name}", "renamed"),
        ("{category}/{name}.bak", "renamed"),
        ("{name:x}", "renamed"),
        (".fileorganizer/{category}", "journal"),
        ("{category}/.FileOrganizer", "journal"),
        ("{category}/" + "x" * 256, "name of a folder"),
        ("{category}/\ud800", "text"),
    ],
)
def test_template_that_can_not_work_is_refused(layout: str, word: str) -> None:
    """When it is made, with a word that says why."""
    with pytest.raises(errors.InvalidOption, match=r"The layout .* can't be used: ") as refused:
        Layout(layout, LINUX)
    assert word in str(refused.value)


def test_what_only_windows_refuses_is_refused_there() -> None:
    """Names are judged by the target's rules; values are made to fit."""
    for template in ("C:/{category}", "aux/{category}", "{category}/end."):
        Layout(template, LINUX)
        with pytest.raises(errors.InvalidOption):
            Layout(template, WINDOWS)
    assert Layout("{category}/{extension}", WINDOWS).folder("NUL", TAKEN, b"x.a?b") == b"_NUL/a_b"


@given(st.integers(calendar.timegm((1, 1, 1, 0, 0, 0)), calendar.timegm((9999, 12, 31, 23, 59, 59))))
def test_year_is_that_of_the_calendar(taken: int) -> None:
    """For every second of it."""
    year = (datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=taken)).year
    assert folder("year", taken=taken) == b"%04d" % year


@pytest.mark.parametrize(("taken", "expected"), [(-(10**18), b"0001"), (10**18, b"9999"), (-1, b"1969"), (0, b"1970")])
def test_year_beyond_the_calendar_is_its_end(taken: int, expected: bytes) -> None:
    """An absurd date is refused elsewhere; here it must not raise."""
    assert folder("year", taken=taken) == folder("{taken:%Y}", taken=taken) == expected


TEMPLATES = st.sampled_from(
    [
        "category",
        "year",
        "category_year",
        "{category}",
        "{category}/{extension}/{name}",
        "{taken:%Y/%m/%d %H}",
        "x{category}y/{day}",
        ".{extension}",
    ]
)


@given(TEMPLATES, st.text(max_size=300), st.integers(), st.binary(max_size=255), st.sampled_from([LINUX, WINDOWS]))
def test_folder_never_leaves_the_destination(
    layout: str, category: str, taken: int, name: bytes, rules: NameRules
) -> None:
    """For any category, date and name, each part is the name of one folder; asking again gives the same."""
    made = Layout(layout, rules)
    result = made.folder(category, taken, name)
    assert all(allowed(part, rules) and part.lower() != b".fileorganizer" for part in result.split(b"/"))
    assert made.folder(category, taken, name) == result


@given(st.text("{}/.:%Ymdcategoryname~\\", max_size=30), st.binary(max_size=20))
def test_any_template_is_refused_or_stays_inside(layout: str, name: bytes) -> None:
    """There is no third way."""
    try:
        result = folder(layout, name=name)
    except errors.InvalidOption:
        return
    assert result == b"" or all(part not in (b"", b".", b"..") for part in result.split(b"/"))


def test_memory_of_folders_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million different days or extensions don't pile up, and forgetting changes no answer."""
    monkeypatch.setattr("fileorganizer.planning.layout._MEMO_LIMIT", 3)
    days, endings = Layout("{taken:%Y-%m-%d}", LINUX), Layout("{extension}", LINUX)
    for number in range(20):
        date = datetime.date(2024, 1, 1) + datetime.timedelta(days=number)
        assert days.folder("a", calendar.timegm(date.timetuple()), b"") == date.isoformat().encode()
        assert endings.folder("a", 0, b"x.e%d" % number) == b"e%d" % number
    assert len(days._memo) <= 4 and len(endings._memo_extension) <= 4
