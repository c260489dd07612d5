"""Mutants of the engine that are caught quickly; ``make prove`` has all of them."""

from pathlib import Path

import pytest

from tests.proofs.seeded_bugs import MUTANTS, Mutant, catch

QUICK = [mutant for mutant in MUTANTS if mutant.quick]


@pytest.mark.parametrize("mutant", QUICK, ids=lambda mutant: mutant.name)
def test_a_seeded_bug_is_caught(tmp_path: Path, mutant: Mutant) -> None:
    """One wrong line, and the layer that must see it sees it."""
    catch(tmp_path, mutant)


def test_every_mutant_can_still_be_made() -> None:
    """The lines to be made wrong are in the sources, each once."""
    from tests.proofs.seeded_bugs import HOME

    for mutant in MUTANTS:
        text = (HOME / "src" / "fileorganizer" / mutant.file).read_text()
        assert text.count(mutant.right) == 1, mutant.name
        assert text.replace(mutant.right, mutant.wrong) != text
