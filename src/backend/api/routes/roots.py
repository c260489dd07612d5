"""Where the caller may work."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from backend.api.deps import CurrentCaller, Roots
from backend.api.schemas.base import Base64, PlainText, path_of
from backend.api.schemas.roots import FolderList, RootList, RootRead
from backend.api.strict import StrictRouter

router = StrictRouter(tags=["roots"])


@router.get("/roots")
async def roots(caller: CurrentCaller, service: Roots) -> RootList:
    """The own roots, the home first."""
    return RootList(roots=[RootRead.of(root) for root in await service.granted(caller)])


@router.get("/folders")
async def folders(
    caller: CurrentCaller,
    service: Roots,
    path: Annotated[PlainText, Query(min_length=1, max_length=4_096)] = ".",
    path_b64: Annotated[Base64 | None, Query(max_length=8_192)] = None,
) -> FolderList:
    """The folders in a folder of a root: for picking one. Hidden ones and links aren't listed."""
    return FolderList.of(*await service.folders(caller, path_of(path, path_b64) or b"."))
