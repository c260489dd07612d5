"""FileOrganizer Pro: organize folders, survive anything, take it back."""

__version__ = "0.1.0"
