"""api keys of one root."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """One step up."""
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("root_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_api_keys_root_id"), "roots", ["root_id"], ["id"], ondelete="CASCADE")


def downgrade() -> None:
    """One step down: a key of one root would be one of all."""
    op.execute("DELETE FROM api_keys WHERE root_id IS NOT NULL")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_api_keys_root_id"), type_="foreignkey")
        batch_op.drop_column("root_id")
