"""FileOrganizer Pro: organize folders, survive anything, take it back.

The front door: the verbs and the values they take and give, loaded when they
are first used, so that asking for the version loads nothing else.
"""

from importlib import import_module
from typing import Any

__version__ = "1.0.0.dev0"

_VERBS = "preview organize preview_undo undo recover resume history show explain verify categories doctor trash_list restore purge"
_ROOMS = {**dict.fromkeys(_VERBS.split(), "organizer"), "Options": "model", "Listener": "progress"}


def __getattr__(name: str) -> Any:
    """Load a verb or a value on its first use."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
