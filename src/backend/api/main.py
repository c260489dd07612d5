"""The application for uvicorn: ``python -m uvicorn src.backend.api.main:app``. Imports are absolute, so nothing exists twice."""

from backend.api.app import create_app

app = create_app()
