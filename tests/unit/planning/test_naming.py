"""Names: equal, suffixed, cut, allowed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fileorganizer.planning.naming import NameRules, allowed, component, cut, key, shortened, split_extension, suffixed

LINUX = NameRules()
MAC = NameRules(case_sensitive=False, normalizing=True)
WINDOWS = NameRules(case_sensitive=False, windows=True)
RULES = st.sampled_from(
    [LINUX, MAC, WINDOWS, NameRules(normalizing=True), NameRules(max_bytes=143), NameRules(max_bytes=64)]
)
NAMES = st.one_of(
    st.binary(min_size=1, max_size=255),
    st.text(min_size=1, max_size=80).map(lambda text: text.encode("utf-8", "replace")),
    st.builds(
        lambda stem, end: stem + end, st.binary(max_size=230), st.sampled_from([b".jpg", b".tar.gz", b".part1.rar"])
    ),
).filter(lambda name: b"/" not in name and b"\0" not in name and 0 < len(name) <= 255)


@pytest.mark.parametrize(
    ("name", "stem", "extension"),
    [
        (b"a.jpg", b"a", b".jpg"),
        (b"a.tar.gz", b"a", b".tar.gz"),
        (b"A.TAR.GZ", b"A", b".TAR.GZ"),
        (b"a.b.jpg", b"a.b", b".jpg"),
        (b"x.part1.rar", b"x", b".part1.rar"),
        (b"x.7z.001", b"x", b".7z.001"),
        (b"x.pkg.tar.zst", b"x", b".pkg.tar.zst"),
        (b".bashrc", b".bashrc", b""),
        (b".tar.gz", b".tar", b".gz"),
        (b"..a", b"..a", b""),
        (b"a.", b"a.", b""),
        (b"notes", b"notes", b""),
        (b"version 1.5", b"version 1.5", b""),
        (b"2024.11.24", b"2024.11.24", b""),
        (b"Mr. Smith", b"Mr. Smith", b""),
        (b"x.\xff", b"x", b".\xff"),
    ],
)
def test_extension_is_split_as_people_see_it(name: bytes, stem: bytes, extension: bytes) -> None:
    """Compound ones are one; numbers and words after a full stop are none."""
    assert split_extension(name) == (stem, extension)


@given(NAMES)
def test_parts_join_to_the_name_and_the_stem_is_never_empty(name: bytes) -> None:
    """For any bytes."""
    stem, extension = split_extension(name)
    assert stem and stem + extension == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"a.jpg", b"a (2).jpg"),
        (b"a.tar.gz", b"a (2).tar.gz"),
        (b"a", b"a (2)"),
        (b".env", b".env (2)"),
        (b"a (2).jpg", b"a (2) (2).jpg"),
    ],
)
def test_suffix_goes_before_the_extension(name: bytes, expected: bytes) -> None:
    """The file keeps its type."""
    assert suffixed(name, 2, LINUX) == expected


@given(NAMES, st.integers(2, 10**6), RULES)
def test_suffixed_name_fits_and_is_another(name: bytes, number: int, rules: NameRules) -> None:
    """It keeps the extension, and stays valid UTF-8 if it was."""
    made = suffixed(name, number, rules)
    assert len(made) <= rules.max_bytes and made != name and b"/" not in made and b"\0" not in made
    assert made.endswith(split_extension(name)[1])
    if _is_text(name):
        assert _is_text(made)


@given(NAMES, st.integers(2, 10**6), st.integers(0, 300))
def test_suffixed_never_fails_with_little_room(name: bytes, number: int, limit: int) -> None:
    """However little there is; a limit of nothing can't be kept."""
    made = suffixed(name, number, NameRules(max_bytes=limit))
    assert made and (limit == 0 or len(made) <= limit)


def test_long_names_that_differ_at_the_end_stay_different() -> None:
    """The hash of the whole stem tells them apart after the cut; extension and room for companions are kept."""
    first, second = b"x" * 249 + b"1.jpg", b"x" * 249 + b"2.jpg"
    made = {suffixed(name, 2, LINUX, reserve=10) for name in (first, second)}
    assert len(made) == 2 and all(len(name) == 245 and name.endswith(b" (2).jpg") for name in made)


@given(NAMES, st.integers(1, 255))
def test_shortened_fits_or_leaves_as_it_is(name: bytes, limit: int) -> None:
    """A name that fits is never touched."""
    made = shortened(name, NameRules(max_bytes=limit))
    assert 0 < len(made) <= limit and (made == name or len(name) > limit)


@given(st.text(max_size=40), st.integers(0, 60))
def test_cut_keeps_characters_whole(text: str, length: int) -> None:
    """Of valid UTF-8 the start is valid UTF-8, and at most one character shorter than it could be."""
    assume(_is_text(text.encode("utf-8", "surrogatepass")))
    name = text.encode()
    made = cut(name, length)
    assert name.startswith(made) and _is_text(made) and min(len(name), length) - len(made) < 4


def test_cut_takes_bytes_that_are_no_text() -> None:
    """Continuation bytes without end are cut anywhere."""
    assert cut(b"\x80" * 10, 5) == b"\x80" * 5


@given(NAMES)
def test_key_is_the_name_where_names_are_bytes(name: bytes) -> None:
    """Not even copied."""
    assert key(name, LINUX) is name


@pytest.mark.parametrize(
    ("one", "other", "rules", "same"),
    [
        (b"a.JPG", b"A.jpg", MAC, True),
        (b"a.JPG", b"A.jpg", LINUX, False),
        ("é".encode(), "e\u0301".encode(), MAC, True),
        ("É".encode(), "e\u0301".encode(), MAC, True),
        ("é".encode(), "e\u0301".encode(), WINDOWS, False),
        ("É".encode(), "é".encode(), NameRules(normalizing=True), False),
        ("ς".encode(), "Σ".encode(), WINDOWS, True),
        (b"\xff\xc9", b"\xff\xe9", MAC, False),
        (b"A\xff", b"a\xff", MAC, True),
        (b"a. ", b"a", WINDOWS, True),
        ("a\u200db".encode(), b"ab", MAC, True),
        ("\u2764\ufe0f".encode(), "\u2764".encode(), MAC, True),
    ],
)
def test_key_is_equal_where_the_file_system_sees_one_name(
    one: bytes, other: bytes, rules: NameRules, same: bool
) -> None:
    """Case, spelling, ignorable characters, ends."""
    assert (key(one, rules) == key(other, rules)) is same


@given(NAMES, RULES)
def test_key_of_a_key_is_the_key(name: bytes, rules: NameRules) -> None:
    """Or the same two names would be equal once and different later."""
    once = key(name, rules)
    assert key(once, rules) == once


@given(st.text(min_size=1, max_size=20))
def test_key_folds_every_case_of_a_text(text: str) -> None:
    """Whatever letter it is."""
    assume(_is_text(text.encode("utf-8", "surrogatepass")))
    upper, lower = text.upper().encode(), text.lower().encode()
    assume(text.upper().casefold() == text.lower().casefold())
    assert key(upper, MAC) == key(lower, MAC)


@pytest.mark.parametrize(
    "name", [b"CON", b"nul.txt", b"COM1", "LPT¹.x".encode(), b"a:b", b"a?", b"a.", b"a ", b"a\n", b"\xff", b"aux .c"]
)
def test_what_only_windows_refuses(name: bytes) -> None:
    """Everything else takes it."""
    assert allowed(name, LINUX) and not allowed(name, WINDOWS)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0", b"x" * 256])
def test_what_every_file_system_refuses(name: bytes) -> None:
    """By POSIX."""
    assert not allowed(name, LINUX) and not allowed(name, WINDOWS)


@pytest.mark.parametrize("name", [b"a", b"...", b".a", b"COM10", b"console.txt", "ü (2).jpg".encode(), b"x" * 255])
def test_what_every_file_system_takes(name: bytes) -> None:
    """Except names of dots only on Windows."""
    assert allowed(name, LINUX) and allowed(name, WINDOWS) == (name != b"...")


@given(st.binary(max_size=400), RULES)
def test_component_is_one_allowed_folder_name(value: bytes, rules: NameRules) -> None:
    """Whatever a category is called."""
    made = component(value, rules)
    assert allowed(made, rules) and b"\\" not in made and not any(byte < 32 for byte in made)


def _is_text(name: bytes) -> bool:
    """Is it valid UTF-8?"""
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
