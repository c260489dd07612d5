"""All tables: columns, constraints, indexes. No queries, no logic. ``docs/database.md`` explains them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

PREVIEW, ORGANIZE, ROLLBACK, CLEANUP = "preview", "organize", "rollback", "duplicate_cleanup"
RESTORE, PURGE = "restore", "purge"
FINAL_STATES: Final = ("completed", "failed", "cancelled")
ACTIVE_STATES: Final = ("pending", "running")
STATES: Final = (*ACTIVE_STATES, *FINAL_STATES)
_ACTIVE: Final = text("status IN ('pending', 'running')")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Python sees UTC with its zone; SQLite, which has no zones, keeps it without."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Towards the database."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables. Constraints get names by a fixed rule, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it so
        datetime: UtcDateTime,
        bytes: LargeBinary,
        UUID: Uuid,
        str: Text,
        int: BigInteger,
        float: Double,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class beginning(GenericFunction[bytes]):  # noqa: N801  # a function of SQL
    """As much of a path as PostgreSQL's indexes hold: they take no more than 2,704 bytes, paths may be longer. SQLite's take all."""

    type = LargeBinary()
    inherit_cache = True


@compiles(beginning)
def _whole(element: beginning, compiler: SQLCompiler, **given: Any) -> str:
    """On SQLite."""
    return compiler.process(element.clauses, **given)


@compiles(beginning, "postgresql")
def _cut(element: beginning, compiler: SQLCompiler, **given: Any) -> str:
    """On PostgreSQL."""
    return f"substr({compiler.process(element.clauses, **given)}, 1, {INDEXED_BYTES})"


INDEXED_BYTES: Final = 1_000


def _user() -> Any:
    """A column that ends with its user."""
    return mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


class User(Base):
    """An account. ``…_key`` columns are the lower-case forms by which names are unique."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    username: Mapped[str] = mapped_column(String(100))
    username_key: Mapped[str] = mapped_column(String(100), unique=True)
    full_name: Mapped[str] = mapped_column(String(200))
    avatar_url: Mapped[str | None]
    password_hash: Mapped[str]
    subscription_tier: Mapped[str] = mapped_column(String(20))
    storage_quota_gb: Mapped[float]
    storage_used_bytes: Mapped[int]
    """Bytes that copying has added for the user."""
    is_active: Mapped[bool]
    is_verified: Mapped[bool]
    is_admin: Mapped[bool]
    token_version: Mapped[int]
    """Raised when all tokens of the user must die: deactivated, or a role changed."""
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]


class Session(Base):
    """A login: a family of refresh tokens and the access tokens made with them."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = _user()
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(200))

    __table_args__ = (Index(None, "user_id", "last_used_at"),)


class RefreshToken(Base):
    """One refresh token, by its digest. A used one is kept, so that a thief's second use is noticed."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Ticket(Base):
    """Something that opens one door once: a progress stream, or the set-up of the first administrator."""

    __tablename__ = "tickets"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[UUID | None] = _user()
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class ApiKey(Base):
    """A key for programs: its beginning for people, the digest of the whole to recognise it."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(20))
    digest: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[Any]]
    root_id: Mapped[UUID | None] = mapped_column(ForeignKey("roots.id", ondelete="CASCADE"))
    """The one root that it is for; None for all of the user's."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Root(Base):
    """A folder under care. Its identity is that of the folder when it was granted, see ``roots.is_the_folder``."""

    __tablename__ = "roots"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    path: Mapped[bytes] = mapped_column(unique=True)
    device: Mapped[int]
    inode: Mapped[int]
    is_home: Mapped[bool]
    created_at: Mapped[datetime]


class RootGrant(Base):
    """Who may work on a root."""

    __tablename__ = "root_grants"

    root_id: Mapped[UUID] = mapped_column(ForeignKey("roots.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[datetime]


class Operation(Base):
    """One request to work on a folder, and what became of it. This table is the queue."""

    __tablename__ = "operations"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    id: Mapped[UUID] = mapped_column(unique=True)
    user_id: Mapped[UUID] = _user()
    root_id: Mapped[UUID] = mapped_column(ForeignKey("roots.id", ondelete="CASCADE"))
    root_path: Mapped[bytes]
    """The folder itself, at or below the granted root: canonical and absolute."""
    lineage: Mapped[list[Any]]
    """(device, inode) of that folder and of those above it, as ``device:inode``, the folder first."""
    operation_type: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(10))
    is_dry_run: Mapped[bool]
    options: Mapped[dict[str, Any]]
    """What the client asked for, as the API shows it again."""
    request: Mapped[dict[str, Any]]
    """What the worker needs besides, see ``services.operations``."""
    rules: Mapped[bytes | None]
    """The user's own categories in front of the profile's, as they were when it was asked for."""
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("operations.id", ondelete="SET NULL"), index=True)
    destination: Mapped[bytes | None]
    """The destination root, when it isn't the root itself; known with the plan."""
    plan_id: Mapped[str | None] = mapped_column(String(36))
    journal_id: Mapped[str | None] = mapped_column(String(36), index=True)
    """The operation in the journal of the root."""
    phase: Mapped[str | None] = mapped_column(String(10))
    outcome: Mapped[str | None] = mapped_column(String(10))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None]
    review: Mapped[dict[str, Any] | None]
    """The plan in numbers, for people."""
    reasons: Mapped[dict[str, Any]]
    """Reason → how many of the skipped and failed."""
    files_total: Mapped[int]
    files_scanned: Mapped[int]
    files_in_place: Mapped[int]
    files_processed: Mapped[int]
    files_skipped: Mapped[int]
    files_failed: Mapped[int]
    bytes_processed: Mapped[int]
    duplicates_found: Mapped[int]
    space_saved_bytes: Mapped[int]
    rolled_back: Mapped[bool]
    rolled_back_count: Mapped[int]
    revision: Mapped[int]
    """Raised with every change: what is cached of an operation carries it in its key."""
    projected_batch: Mapped[int]
    """How far the journal is projected, see ``worker.projection``."""
    cancel_requested: Mapped[bool]
    worker: Mapped[str | None] = mapped_column(String(80))
    epoch: Mapped[int]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_operations_mine", "user_id", "number"),
        Index("ix_operations_queue", "status", "number", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
    )


class OperationStats(Base):
    """Counts and bytes of an operation's records, by status and category: nothing counts a million rows."""

    __tablename__ = "operation_stats"

    operation_number: Mapped[int] = mapped_column(ForeignKey("operations.number", ondelete="CASCADE"), primary_key=True)
    status: Mapped[str] = mapped_column(String(10), primary_key=True)
    category: Mapped[str] = mapped_column(String(100), primary_key=True)
    files: Mapped[int]
    bytes: Mapped[int]


INDEX_BITS: Final = 20
"""A record's sequence is ``batch << INDEX_BITS | index``. A batch has 5,000 steps, and a few more where a family isn't torn."""
SKIPPED_BIT: Final = 1 << 40
"""Set in the sequence of what the plan left alone: those records come after those of steps."""


SEQUENCE_BITS: Final = 41
"""``operation_number << SEQUENCE_BITS | sequence`` is a record's key as one number."""
NAMES_DONE: Final = 1 << SEQUENCE_BITS
"""In ``search_progress`` of SQLite, see ``worker.names``: all names of the operation are in the index."""


class FileRecord(Base):
    """What became of one file in one operation: a row of the projection, keyed by its place in the journal."""

    __tablename__ = "file_records"

    operation_number: Mapped[int] = mapped_column(ForeignKey("operations.number", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    original_path: Mapped[bytes]
    new_path: Mapped[bytes | None]
    name: Mapped[str]
    """The original path as text, to be searched: what isn't text in it is escaped."""
    category: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None]
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_file_records_size", "operation_number", "size_bytes"),)


Index("ix_file_records_path", FileRecord.operation_number, beginning(FileRecord.original_path))


class DuplicateGroup(Base):
    """Files with the same content, as a search found them. ``sequence`` is the rank: those that waste most come first."""

    __tablename__ = "duplicate_groups"

    operation_number: Mapped[int] = mapped_column(ForeignKey("operations.number", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[bytes]
    size_bytes: Mapped[int]
    """Of each file."""
    copies: Mapped[int]
    """As they were found."""
    present: Mapped[int]
    """How many of them no operation has put away since."""

    __table_args__ = (UniqueConstraint("operation_number", "digest"),)


class DuplicateFile(Base):
    """A file of a group: an inode under its first name, as the search saw it. It is looked at again before it is touched."""

    __tablename__ = "duplicate_files"

    operation_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[bytes]
    """Relative to the operation's folder; follows what later operations of that folder move."""
    links: Mapped[list[Any]]
    """Further names of it, as base64."""
    device: Mapped[int]
    inode: Mapped[int]
    """Both as signed numbers of 64 bits."""
    mtime_ns: Mapped[int]
    ctime_ns: Mapped[int]
    settled_by: Mapped[int | None]
    """Number of the operation that has put it away, or made it a name of another copy."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["operation_number", "sequence"],
            ["duplicate_groups.operation_number", "duplicate_groups.sequence"],
            ondelete="CASCADE",
        ),
    )


Index("ix_duplicate_files_path", DuplicateFile.operation_number, beginning(DuplicateFile.path))


class Category(Base):
    """A category of a user's own; it is asked before those of the profile."""

    __tablename__ = "categories"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = _user()
    name: Mapped[str] = mapped_column(String(50))
    name_key: Mapped[str] = mapped_column(String(50))
    description: Mapped[str] = mapped_column(String(500))
    extensions: Mapped[list[Any]]
    keywords: Mapped[list[Any]]
    color: Mapped[str] = mapped_column(String(7))
    icon: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("user_id", "name_key"),)


class AuditEvent(Base):
    """Something that an administrator may have to look up later. Never holds a secret."""

    __tablename__ = "audit_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[UUID | None] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(50))
    subject: Mapped[str | None] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(64))


class IdempotencyKey(Base):
    """A request that was made once: asking again gives the same answer instead of a second operation."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[bytes]
    operation_id: Mapped[UUID]
    created_at: Mapped[datetime]
