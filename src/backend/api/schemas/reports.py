"""Reports. The names are promised to clients that exist already."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from backend.api.schemas.base import Moment, Output
from backend.services.reports import TOP, Report, YearOfFiles
from fileorganizer.errors import path_members


class ReportStats(Output):
    """An operation in numbers."""

    total_files_scanned: int
    total_files_moved: int
    total_files_failed: int
    total_files_skipped: int
    total_size_bytes: int
    duplicates_found: int
    duplicate_files: int
    space_saved_bytes: int


class ShareRead(Output):
    """What went into a category."""

    category: str
    file_count: int
    total_size_bytes: int
    percentage: float


class LargeFile(Output):
    """One of the largest files."""

    path: str
    path_b64: str | None = None
    size_bytes: int
    category: str | None
    size_mb: float


class ReportRead(Output):
    """What an operation did."""

    operation_id: UUID
    operation_type: str
    status: str
    start_time: Moment | None
    end_time: Moment | None
    duration_seconds: float | None
    stats: ReportStats
    category_breakdown: list[ShareRead]
    top_categories: list[ShareRead]
    largest_files: list[LargeFile]
    reasons: dict[str, int]

    @classmethod
    def of(cls, report: Report) -> Self:
        """From the service's answer."""
        operation = report.operation
        shares = [ShareRead.model_validate(share) for share in report.shares]
        largest = [
            LargeFile.model_validate(
                {
                    **path_members(view.new_path or view.original_path),
                    "size_bytes": view.record.size_bytes,
                    "category": view.record.category or None,
                    "size_mb": round(view.record.size_bytes / 1_048_576, 2),
                }
            )
            for view in report.largest
        ]
        stats = ReportStats(
            total_files_scanned=operation.files_scanned,
            total_files_moved=operation.files_processed,
            total_files_failed=operation.files_failed,
            total_files_skipped=operation.files_skipped,
            total_size_bytes=operation.bytes_processed,
            duplicates_found=operation.duplicates_found,
            duplicate_files=report.duplicate_files,
            space_saved_bytes=operation.space_saved_bytes,
        )
        return cls(
            operation_id=operation.id,
            operation_type=operation.operation_type,
            status=operation.status,
            start_time=operation.started_at,
            end_time=report.end_time,
            duration_seconds=report.duration_seconds,
            stats=stats,
            category_breakdown=shares,
            top_categories=shares[:TOP],
            largest_files=largest,
            reasons=operation.reasons,
        )


class YearRead(Output):
    """Files that were last changed in one year."""

    year: int
    file_count: int
    total_size_bytes: int


class AgesRead(Output):
    """The files of an operation by age, the oldest first; years without files are left out."""

    operation_id: UUID
    years: list[YearRead]

    @classmethod
    def of(cls, operation_id: UUID, years: list[YearOfFiles]) -> Self:
        """From the service's answer."""
        return cls(operation_id=operation_id, years=[YearRead.model_validate(year) for year in years])
