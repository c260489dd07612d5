"""Which files share their size or their sample with others: as plain sets would say."""

from __future__ import annotations

from array import array
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from fileorganizer.duplicates.alike import sharing_sample, sharing_size
from fileorganizer.duplicates.table import Table

# few values, so that many are the same; the largest have a sign in one kind of column and none in the other
INODES = st.sampled_from((1, 2, 3, 2**64 - 1))
NUMBERS = st.sampled_from((-(2**63), -1, 0, 1, 2**63 - 1))
FILES = st.lists(st.tuples(INODES, NUMBERS, st.booleans(), st.booleans()), max_size=12)


def table_of(files: list[tuple[int, int, bool, bool]]) -> Table:
    """Files (inode, size, has a sample, is a reference), each in a folder of its own."""
    table = Table()
    for number, (inode, size, _, is_reference) in enumerate(files):
        place = table.add_place(0, b"%d" % number, is_reference=is_reference)
        for column, value in zip(table.columns, (7, inode, size, 0, 0), strict=True):
            column.append(value)
        table.add_chunk(place, [b"name"])
    return table


@given(FILES, st.booleans())
def test_the_same_size(files: list[tuple[int, int, bool, bool]], with_references: bool) -> None:
    """Those that another wanted one of the same size can be a copy of; with references, of which one may go."""
    table = table_of(files)
    same = defaultdict(list)
    for number, (_, size, wanted, _) in enumerate(files):
        if wanted:
            same[size].append(number)
    expected = {
        number
        for some in same.values()
        if len(some) > 1 and (not with_references or any(not files[one][3] for one in some))
        for number in some
    }
    found = sharing_size(table, bytearray(file[2] for file in files), table.references() if with_references else None)
    assert found == bytearray(number in expected for number in range(len(files)))


@given(FILES, st.booleans())
def test_the_same_sample(files: list[tuple[int, int, bool, bool]], with_references: bool) -> None:
    """An inode counts once: under a name in a reference, where it has one, else under the first."""
    table = table_of(files)
    named: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, (inode, sample, has, _) in enumerate(files):
        if has:
            named[sample, inode].append(number)
    groups = defaultdict(set)
    for (sample, _), some in named.items():
        groups[sample].add(min(some, key=lambda one: (with_references and not files[one][3], one)))
    samples, sampled = array("q", (file[1] for file in files)), bytearray(file[2] for file in files)
    found = sharing_sample(samples, sampled, table, table.references() if with_references else None)
    said = [set(found.members[start:end]) for start, end in found.bounds()]
    assert sum(map(len, said)) == len(found.members)
    assert sorted(map(sorted, said)) == sorted(sorted(some) for some in groups.values() if len(some) > 1)
