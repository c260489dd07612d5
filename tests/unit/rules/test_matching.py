"""The order of decision: keyword, content, extension, content, Other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileorganizer.model import Category
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.matching import Matcher
from fileorganizer.rules.syntax import RuleSet

PERSONAL = builtin_rules()
MATCHER = Matcher(PERSONAL)
NAMES = st.binary(max_size=255) | st.from_regex(rb"\A[a-zA-Z._ -]{0,20}\.(tar|d|user|min)?\.?(gz|js|ts|JPG|pdf|zzz)\Z")
TYPES = st.sampled_from(
    ["", "image/jpeg", "application/pdf", "application/zip", "text/plain", "video/mp4", "x/unknown"]
)


def name_of(name: bytes, content: str = "", *, content_wins: bool = False) -> str:
    """The name of the category that the personal rules give."""
    return PERSONAL.categories[MATCHER.category(name, content, content_wins=content_wins)].name


def custom(*, name: str, extensions: tuple[str, ...] = (), keywords: tuple[str, ...] = ()) -> Category:
    """A user's category."""
    return Category(name, "", extensions, keywords, "#123456", "star")


def ahead(*categories: Category) -> RuleSet:
    """The personal rules with a user's categories ahead."""
    return RuleSet(categories + PERSONAL.categories, "personal", "category", PERSONAL.carriers)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        (b"a.jpg", "Images"),
        (b"A.JPG", "Images"),
        (b"IMG_1.CR3", "Images"),
        (b"IMG_1.xmp", "Images"),
        (b"backup.tar.gz", "Archives"),
        (b"my.holiday.photos.TAR.XZ", "Archives"),
        (b"rows.csv.gz", "Data"),
        (b"ls.1.gz", "Documents"),
        (b"syslog.2.gz", "Documents"),
        (b"NEWS.Debian.gz", "Documents"),
        (b"NEWS.Debian (12).gz", "Documents"),
        (b"ls (2).1 (2).gz", "Documents"),
        (b"photos.gz", "Archives"),
        (b"photos.10.gz", "Archives"),
        (b"program.mo", "Data"),
        (b"x.d.ts", "Code"),
        (b"film.ts", "Code"),
        (b"film.srt", "Videos"),
        (b"2024.report.final.v2.docx", "Documents"),
        (b"two..pdf", "Documents"),
        (b".hidden.pdf", "Documents"),
        (b".tar.gz", "Archives"),
        (b".bashrc", "Other"),
        (b".pdf", "Other"),
        (b"..pdf", "Other"),
        (b"...pdf", "Other"),
        (b"pdf", "Other"),
        (b"name.", "Other"),
        (b"", "Other"),
        (b".", "Other"),
        (b"a.pdf ", "Other"),
        (b"\xff\xfe\n.mp3", "Audio"),
        (b"caf\xc3\xa9.m\xc3\xb63", "Other"),
    ],
)
def test_names(name: bytes, category: str) -> None:
    """Extensions of all kinds, any bytes, dots in every place."""
    assert name_of(name) == category


def test_every_builtin_extension_is_found_in_any_case() -> None:
    """Compound ones included."""
    for category in PERSONAL.categories:
        for extension in category.extensions:
            assert name_of(b"x." + extension.encode()) == name_of(b"X." + extension.upper().encode()) == category.name


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        (b"a.tar.gz", b"tar.gz"), (b"a.b.gz", b"gz"), (b".tar.gz", b"gz"), (b"a.PDF", b"pdf"),
        (b".bashrc", b""), (b"..x", b""), (b"plain", b""), (b"a.", b""), (b"..tar.gz", b"gz"),
    ],
)  # fmt: skip
def test_extension(name: bytes, extension: bytes) -> None:
    """Compound only where the rules know it; a leading dot belongs to the name."""
    assert MATCHER.extension(name) == extension


def test_content_decides_where_the_extension_says_nothing() -> None:
    """Missing or unknown extension: the content; neither: Other."""
    assert name_of(b"scan", "application/pdf") == name_of(b"scan.zzz", "application/pdf") == "Documents"
    assert name_of(b"scan.zzz", "x/unknown") == name_of(b"scan") == "Other"
    assert (
        MATCHER.knows_extension(b"a.pdf")
        and not MATCHER.knows_extension(b"a.zzz")
        and not MATCHER.knows_extension(b"a")
    )


def test_content_beats_the_extension_only_when_asked() -> None:
    """And only when it contradicts it."""
    assert name_of(b"a.jpg", "application/pdf") == "Images"
    assert name_of(b"a.jpg", "application/pdf", content_wins=True) == "Documents"
    assert name_of(b"a.jpg", "x/unknown", content_wins=True) == "Images"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"a.docx", "application/zip"),
        (b"a.cbz", "application/zip"),
        (b"a.doc", "application/x-ole-storage"),
        (b"a.py", "text/plain"),
        (b"a.csv", "text/plain"),
        (b"a.m4a", "video/mp4"),
        (b"a.mka", "video/x-matroska"),
        (b"a.ai", "application/pdf"),
        (b"a.gpx", "application/xml"),
        (b"a.svgz", "application/gzip"),
        (b"a.dng", "image/tiff"),
    ],
)
def test_a_wrapper_is_no_mismatch(name: bytes, content: str) -> None:
    """Zip, XML, text and the like carry many formats: they never overrule such an extension."""
    assert not MATCHER.is_mismatch(name, content)
    assert name_of(name, content, content_wins=True) == name_of(name)


@pytest.mark.parametrize(("name", "content"), [(b"a.jpg", "application/pdf"), (b"a.pdf", "image/png"), (b"a.jpg", "text/html"), (b"a.mp3", "image/jpeg"), (b"photo.jpg", "video/mp4"), (b"a.pdf", "application/vnd.microsoft.portable-executable")])  # fmt: skip
def test_a_mismatch(name: bytes, content: str) -> None:
    """What a person would want to be told."""
    assert MATCHER.is_mismatch(name, content)


def test_a_custom_category_ahead_takes_its_extensions_without_being_a_mismatch() -> None:
    """A category of one's own for ``.mp4`` isn't contradicted by files that are MP4."""
    rules = ahead(custom(name="Footage", extensions=("mp4",)))
    matcher = Matcher(rules)
    assert matcher.category(b"a.mp4", "video/mp4", content_wins=True) == 0
    assert not matcher.is_mismatch(b"a.mp4", "video/mp4")
    assert matcher.is_mismatch(b"a.mp4", "image/png")


@pytest.mark.parametrize(
    "name",
    [b"invoice.pdf", b"Invoice2024.jpg", b"2024-INVOICE-3", b"the invoice (2).zip", b"my_invoice.tar.gz", b"x.invoice"],
)
def test_a_keyword_decides_first(name: bytes) -> None:
    """Between separators, digits, brackets and the ends of the name."""
    assert (
        Matcher(ahead(custom(name="Bills", keywords=("invoice",)))).category(name, "image/png", content_wins=True) == 0
    )


@pytest.mark.parametrize(
    "name", [b"invoiced.pdf", b"myinvoice.pdf", b"in voice.pdf", b"invoic\xc3\xa9.pdf", b"invoice\xc3\xa9.pdf"]
)
def test_a_keyword_is_never_found_inside_a_word(name: bytes) -> None:
    """Letters of any script make a word."""
    assert Matcher(ahead(custom(name="Bills", keywords=("invoice",)))).category(name) != 0


def test_keywords_of_several_words_numbers_and_scripts() -> None:
    """Blanks match any separators; ``Ü`` is found composed and decomposed, in both cases."""
    rules = ahead(
        custom(name="A", keywords=("credit note", "w-2", "1099")), custom(name="B", keywords=("Überweisung",))
    )
    matcher = Matcher(rules)
    assert [matcher.category(n) for n in (b"Credit-Note_7.pdf", b"credit  note", b"W2.pdf", b"form 1099.pdf")] == [
        0
    ] * 4
    assert [matcher.category(n.encode()) for n in ("ÜBERWEISUNG.pdf", "U\u0308berweisung 3.pdf", "überweisung")] == [
        1
    ] * 3
    assert matcher.category(b"10990.pdf") > 1 and matcher.category(b"credit a note.pdf") > 1


def test_the_category_ahead_wins_among_keywords() -> None:
    """Wherever in the name its word stands."""
    matcher = Matcher(ahead(custom(name="A", keywords=("alpha",)), custom(name="B", keywords=("beta",))))
    assert matcher.keywords(b"beta alpha.txt") == [(0, "alpha"), (1, "beta")]
    assert matcher.category(b"beta alpha.txt") == 0


@given(NAMES, TYPES, st.booleans())
def test_any_name_has_a_category(name: bytes, content: str, wins: bool) -> None:
    """An index in range for any bytes; case never matters; nothing raises."""
    found = MATCHER.category(name, content, content_wins=wins)
    assert 0 <= found < len(PERSONAL.categories)
    assert MATCHER.category(name.upper(), content, content_wins=wins) == found


@given(NAMES)
def test_an_extension_is_the_end_of_the_name(name: bytes) -> None:
    """So that whoever adds a suffix can cut it off."""
    extension = MATCHER.extension(name)
    assert not extension or (name.lower().endswith(b"." + extension) and len(extension) + 1 < len(name))


@given(NAMES, TYPES)
def test_content_wins_changes_exactly_the_mismatches(name: bytes, content: str) -> None:
    """``content_wins`` and what is shown as a mismatch are one rule."""
    changed = MATCHER.category(name, content, content_wins=True) != MATCHER.category(name, content)
    assert changed == MATCHER.is_mismatch(name, content)
