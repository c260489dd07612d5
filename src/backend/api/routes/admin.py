"""What administrators do."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from backend.api.deps import From, Health, Limit, Offset, Profiles, Roots, administrator
from backend.api.schemas.accounts import AuditEventRead, AuditLog, ProfileRead, UserList, UserUpdate
from backend.api.schemas.base import path_of
from backend.api.schemas.health import FiguresRead
from backend.api.schemas.roots import GrantedRootList, GrantedRootRead, RootGrantCreate
from backend.api.strict import StrictRouter
from backend.services.callers import Caller

router = StrictRouter(prefix="/admin", tags=["administration"], dependencies=[Depends(administrator)])
Admin = Annotated[Caller, Depends(administrator)]


@router.get("/users")
async def users(profiles: Profiles, limit: Limit = 10, offset: Offset = 0) -> UserList:
    """All accounts, the newest first."""
    found, total = await profiles.users(limit, offset)
    return UserList(users=[ProfileRead.model_validate(user) for user in found], total=total)


@router.patch("/users/{user_id}")
async def change_user(user_id: UUID, body: UserUpdate, caller: Admin, profiles: Profiles, client: From) -> ProfileRead:
    """Change an account. When its role or activity changes, all its tokens end."""
    changes = body.model_dump(exclude_unset=True)
    return ProfileRead.model_validate(await profiles.change_user(caller, user_id, changes, client))


@router.get("/roots")
async def roots(service: Roots, limit: Limit = 10, offset: Offset = 0) -> GrantedRootList:
    """All roots with their users."""
    found, total = await service.page(limit, offset)
    return GrantedRootList(roots=[GrantedRootRead.of_grant(granted) for granted in found], total=total)


@router.post("/roots", status_code=201)
async def grant(body: RootGrantCreate, caller: Admin, service: Roots, client: From) -> GrantedRootRead:
    """Let a user work on a folder."""
    path = path_of(body.path, body.path_b64) or b""
    return GrantedRootRead.of_grant(await service.grant(caller, path, body.user_id, client))


@router.delete("/roots/{root_id}/users/{user_id}", status_code=204)
async def revoke(root_id: UUID, user_id: UUID, caller: Admin, service: Roots, client: From) -> None:
    """Take a root away from a user; operations of theirs that wait won't begin."""
    await service.revoke(caller, root_id, user_id, client)


@router.get("/figures")
async def figures(service: Health) -> FiguresRead:
    """How many operations of all users run and wait, and how much room there is for files."""
    return FiguresRead.model_validate(await service.figures())


@router.get("/audit-log")
async def audit_log(profiles: Profiles, limit: Limit = 10, offset: Offset = 0) -> AuditLog:
    """What happened, the newest first."""
    found, total = await profiles.audit_log(limit, offset)
    return AuditLog(events=[AuditEventRead.model_validate(event) for event in found], total=total)


@router.delete("/rate-limits/{user_id}", status_code=204)
async def forget_limits(user_id: UUID, profiles: Profiles) -> None:
    """Give a user whole rate limits again."""
    await profiles.forget_limits(user_id)
