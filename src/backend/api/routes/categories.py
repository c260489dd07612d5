"""Categories."""

from __future__ import annotations

from uuid import UUID

from backend.api.deps import Categories, CurrentCaller
from backend.api.schemas.categories import CategoryCreate, CategoryList, CategoryRead
from backend.api.strict import StrictRouter

router = StrictRouter(prefix="/categories", tags=["categories"])


@router.get("")
async def categories(caller: CurrentCaller, service: Categories, include_defaults: bool = True) -> CategoryList:
    """The own categories, which are asked first, and those that everybody has."""
    found = await service.all(caller, include_defaults=include_defaults)
    custom = sum(category.is_custom for category in found)
    return CategoryList(categories=[CategoryRead.of(view) for view in found], custom_count=custom)


@router.post("", status_code=201)
async def make(body: CategoryCreate, caller: CurrentCaller, service: Categories) -> CategoryRead:
    """Make a category; operations that are asked for from now on know it."""
    return CategoryRead.of(await service.make(caller, body.wanted()))


@router.get("/{category_id}")
async def get(category_id: UUID, caller: CurrentCaller, service: Categories) -> CategoryRead:
    """One category."""
    return CategoryRead.of(await service.get(caller, category_id))


@router.put("/{category_id}")
async def change(category_id: UUID, body: CategoryCreate, caller: CurrentCaller, service: Categories) -> CategoryRead:
    """Change one of the own categories."""
    return CategoryRead.of(await service.change(caller, category_id, body.wanted()))


@router.delete("/{category_id}", status_code=204)
async def remove(category_id: UUID, caller: CurrentCaller, service: Categories) -> None:
    """Remove one of the own categories. Files stay where they are."""
    await service.remove(caller, category_id)
