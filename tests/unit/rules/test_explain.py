"""Explanations agree with the decisions that they explain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fileorganizer.model import Conflict, DateSource, Facts
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.explain import Explanation, explain
from fileorganizer.rules.matching import Matcher

BUSINESS = builtin_rules("business")
MATCHER = Matcher(BUSINESS)
TAKEN = 1_614_852_672
"""2021-03-04 10:11:12 on the wall."""


def explained(
    name: bytes, content: str = "", *, content_wins: bool = False, conflict: int = 0, source: int = DateSource.FILE_TIME
) -> Explanation:
    """Decide, record the facts, explain them."""
    category = MATCHER.category(name, content, content_wins=content_wins)
    return explain(BUSINESS, name, Facts(category, TAKEN, source, content, conflict), content_wins=content_wins)


def test_a_keyword_and_all_that_it_beat() -> None:
    """Every rule that also applied is named, with the reason."""
    told = explained(b"Contract for invoice 7.png", "image/png")
    assert (told.category, told.decided_by, told.matched) == ("Invoices", "keyword", "invoice")
    assert [loser.rule for loser in told.losers[:3]] == [
        "keyword contract → Contracts",
        "extension png → Images",
        "content image/png → Images",
    ]
    assert (
        told.sentence
        == "Filed under Invoices because the word “invoice” is in its name; dated 2021-03-04 10:11:12 by the file time."
    )


def test_extension_content_and_fallback() -> None:
    """Each kind of decision says what it saw."""
    assert explained(b"a.tar.gz").matched == "tar.gz"
    assert (explained(b"a.jpg", "application/pdf").decided_by, explained(b"a.jpg", "application/pdf").mismatch) == (
        "extension",
        True,
    )
    assert explained(b"a.jpg", "application/pdf", content_wins=True).matched == "application/pdf"
    assert explained(b"a", "application/pdf").decided_by == "content"
    assert explained(b"a").decided_by == "fallback" and explained(b"a").category == "Other"


def test_a_rule_that_agrees_did_not_lose() -> None:
    """The content that confirms the extension isn't listed."""
    assert explained(b"a.jpg", "image/jpeg", source=DateSource.EXIF).losers == ()


def test_a_file_that_went_with_its_family() -> None:
    """A sidecar filed with its photo is no contradiction of the rules."""
    told = explain(
        BUSINESS, b"notes.txt", Facts(MATCHER.category(b"a.jpg"), TAKEN, DateSource.EXIF), content_wins=False
    )
    assert (told.category, told.decided_by) == ("Images", "family")
    assert told.losers[0].rule == "extension txt → Documents"


def test_date_and_conflict() -> None:
    """The sources that had no answer are named; so is what was done about a taken name."""
    told = explained(b"a.mp4", source=DateSource.NAME, conflict=Conflict.SUFFIXED)
    assert (told.date, told.date_source) == ("2021-03-04 10:11:12", "name")
    assert [loser.rule for loser in told.losers] == ["photo header", "container header"]
    assert "a number was added" in told.conflict and told.conflict in told.sentence


@given(
    st.binary(max_size=60),
    st.integers(0, 60),
    st.integers(),
    st.integers(0, 9),
    st.text(max_size=20),
    st.integers(0, 9),
    st.booleans(),
)
def test_any_facts_can_be_explained(
    name: bytes, category: int, taken: int, source: int, content: str, conflict: int, wins: bool
) -> None:
    """A journal outlives the program that wrote it: unknown numbers are no reason to fail."""
    assert explain(
        BUSINESS, name, Facts(category, taken, source, content, conflict), content_wins=wins
    ).sentence.isprintable()


@given(
    st.from_regex(rb"\A(invoice|tax|a|Report)[ _.-]?\.(pdf|jpg|zzz|tar\.gz)?\Z"),
    st.sampled_from(["", "image/png", "application/pdf", "text/plain"]),
    st.booleans(),
)
def test_the_explanation_is_the_decision(name: bytes, content: str, wins: bool) -> None:
    """The kind that is named has the category that was decided."""
    told = explained(name, content, content_wins=wins)
    assert told.decided_by != "family"
    assert told.category not in {loser.rule.partition(" → ")[2] for loser in told.losers}
