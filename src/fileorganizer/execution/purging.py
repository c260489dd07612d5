"""Before something put away is destroyed: where is the copy for which it was put away?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from fileorganizer.execution.keeping import as_it_is
from fileorganizer.execution.reading import TrashItem, trash_items
from fileorganizer.execution.undoing import find_files
from fileorganizer.fs.beneath import Root
from fileorganizer.journal.store import Journal
from fileorganizer.model import SOURCE, Keeper


def keepers_now(journal: Journal, root: Root, items: Sequence[TrashItem]) -> list[TrashItem]:
    """Items of the trash with their keepers where these are now.

    A keeper may have been moved since, or been put away itself for another copy: then
    that one has to stand for it. One that isn't found stays as it is; the step will see.
    """
    there = [as_it_is(root, item.keeper) if item.keeper else None for item in items]
    lost = {
        item.keeper.seen.ino: item.keeper
        for item, keeper in zip(items, there, strict=True)
        if item.keeper and not keeper
    }
    replaced = {item.seen.ino: item.keeper for item in trash_items(journal, root) if item.keeper} if lost else {}
    wanted = {one.seen.mark for keeper in lost.values() for one in _standing_in(keeper, replaced)}
    found = dict(find_files(root, wanted)) if wanted else {}

    def now(keeper: Keeper) -> Keeper:
        for one in _standing_in(keeper, replaced):
            path = found.get(one.seen.mark)
            if path is not None:
                moved = msgspec.structs.replace(one.seen, dev=root.dev, ctime_ns=0)
                return msgspec.structs.replace(one, side=SOURCE, path=path, seen=moved)
        return keeper

    return [
        msgspec.structs.replace(item, keeper=keeper or now(item.keeper)) if item.keeper else item
        for item, keeper in zip(items, there, strict=True)
    ]


def _standing_in(keeper: Keeper, replaced: Mapping[int, Keeper]) -> Iterator[Keeper]:
    """A keeper, the one for which it was put away itself, and so on."""
    met: set[int] = set()
    following: Keeper | None = keeper
    while following is not None and following.seen.ino not in met:
        yield following
        met.add(following.seen.ino)
        following = replaced.get(following.seen.ino)
