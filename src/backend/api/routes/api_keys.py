"""API keys."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from backend.api.deps import From, Profiles, in_person
from backend.api.schemas.accounts import ApiKeyCreate, ApiKeyList, ApiKeyMade, ApiKeyRead
from backend.api.strict import StrictRouter
from backend.services.callers import Caller

router = StrictRouter(prefix="/api-keys", tags=["API keys"], dependencies=[Depends(in_person)])
Person = Annotated[Caller, Depends(in_person)]


@router.get("")
async def api_keys(caller: Person, profiles: Profiles) -> ApiKeyList:
    """The own keys, without their secrets."""
    return ApiKeyList(api_keys=[ApiKeyRead.model_validate(key) for key in await profiles.api_keys(caller)])


@router.post("", status_code=201)
async def make(body: ApiKeyCreate, caller: Person, profiles: Profiles, client: From) -> ApiKeyMade:
    """Make a key, for all of the own roots or for one. Its secret is shown this once."""
    row, new = await profiles.make_api_key(caller, body.wanted(), client)
    return ApiKeyMade(key=new.secret, **ApiKeyRead.model_validate(row).model_dump())


@router.delete("/{key_id}", status_code=204)
async def revoke(key_id: UUID, caller: Person, profiles: Profiles, client: From) -> None:
    """End a key at once."""
    await profiles.revoke_api_key(caller, key_id, client)
