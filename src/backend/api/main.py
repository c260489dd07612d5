"""The application for uvicorn: ``python -m uvicorn src.backend.api.main:app``. Imports are absolute, so nothing exists twice."""

import gc

from backend.api.app import create_app

app = create_app()
gc.collect()
gc.freeze()  # what was loaded stays: to look through all of it for garbage held requests up for a tenth of a second
