"""paths of any length."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_INDEXES = {
    "ix_file_records_path": ("file_records", "original_path"),
    "ix_duplicate_files_path": ("duplicate_files", "path"),
}


def upgrade() -> None:
    """One step up: an index of PostgreSQL refuses paths of more than 2,704 bytes. ``--optimize`` makes that of names anew."""
    _make_anew("substr({}, 1, 1000)")


def downgrade() -> None:
    """One step down: fails where there are such paths."""
    _make_anew("{}")


def _make_anew(expression: str) -> None:
    """Take the old indexes away last: nobody reads the tables from then on until all is done."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for name, (table, column) in _INDEXES.items():
        op.execute(f"CREATE INDEX {name}_new ON {table} (operation_number, {expression.format(column)})")
    op.execute("DROP INDEX IF EXISTS ix_strategic_ending")
    for name in _INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
        op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
