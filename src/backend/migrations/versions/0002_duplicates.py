"""duplicates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One step up."""
    op.create_table(
        "duplicate_groups",
        sa.Column("operation_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("copies", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_number"],
            ["operations.number"],
            name=op.f("fk_duplicate_groups_operation_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("operation_number", "sequence", name=op.f("pk_duplicate_groups")),
        sa.UniqueConstraint("operation_number", "digest", name=op.f("uq_duplicate_groups_operation_number_digest")),
    )
    op.create_table(
        "duplicate_files",
        sa.Column("operation_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("ctime_ns", sa.BigInteger(), nullable=False),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operation_number", "sequence"],
            ["duplicate_groups.operation_number", "duplicate_groups.sequence"],
            name=op.f("fk_duplicate_files_operation_number_sequence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("operation_number", "sequence", "position", name=op.f("pk_duplicate_files")),
    )
    with op.batch_alter_table("duplicate_files", schema=None) as batch_op:
        batch_op.create_index("ix_duplicate_files_path", ["operation_number", "path"], unique=False)


def downgrade() -> None:
    """One step down."""
    with op.batch_alter_table("duplicate_files", schema=None) as batch_op:
        batch_op.drop_index("ix_duplicate_files_path")

    op.drop_table("duplicate_files")
    op.drop_table("duplicate_groups")
