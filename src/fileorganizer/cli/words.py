"""What the codes of outcomes mean, for people: why it came so, and what to do next where there is something to do."""

from __future__ import annotations

from typing import Final

from fileorganizer.model import Reason

WHY: Final = {
    Reason.HIDDEN: "Hidden files are left alone; --include-hidden takes them, too.",
    Reason.SYSTEM_FILE: "The system, or a program, keeps this file for itself.",
    Reason.EXCLUDED: "A pattern of --exclude names it.",
    Reason.SYMLINK: "It is a symbolic link; these are neither moved nor followed.",
    Reason.SPECIAL_FILE: "It is a pipe, a socket or a device, and holds nothing.",
    Reason.UNFINISHED: "It is half a download, or the lock of an open document. When it is finished, it is taken.",
    Reason.RECENTLY_CHANGED: "It had just changed, so something may still write to it. Run it again.",
    Reason.OPEN_FOR_WRITING: "A program had it open for writing. Close it there, and run it again.",
    Reason.KEPT_TOGETHER: "It belongs to a folder that is one thing; --no-keep-together opens such folders up.",
    Reason.OTHER_FILE_SYSTEM: "Another disk begins there. Organize it by itself.",
    Reason.UNREADABLE: "It couldn't be read. See its permissions.",
    Reason.FILTERED_OUT: "The options asked for other files.",
    Reason.TOO_DEEP: "It lies deeper than --max-depth, or than a path can say.",
    Reason.NAME_TAKEN: "Something else has the name that it, or its folder, was to get.",
    Reason.DUPLICATE_IN_PLACE: "A file with the same bytes was there already.",
    Reason.NAME_NOT_ALLOWED: "The destination can't hold a file of this name.",
    Reason.WITH_COMPANION: "It belongs to files that stayed, as a sidecar to its photo.",
    Reason.CHANGED: "It, or what it was compared with, has changed since the plan was made. Run it again.",
    Reason.GONE: "It wasn't there any more.",
    Reason.CONFLICT: "Something else has taken the name since the plan was made. Run it again.",
    Reason.UNSAFE_PATH: "A folder on its way was replaced, by a link perhaps.",
    Reason.DENIED: "You may not change it, or its folder. See the permissions.",
    Reason.BUSY: "The system says that it is in use. Run it again.",
    Reason.ACROSS_DEVICES: "It would have to go to another disk; --across-devices allows that.",
    Reason.NOT_EMPTY: "The folder wasn't empty.",
    Reason.NAME_TOO_LONG: "The name, or the path, is longer than the disk allows.",
    Reason.STOPPED: "The run was stopped before it came to this. Run it again to go on.",
    Reason.INTERRUPTED: "The run was cut off before it came to this. Run it again to go on.",
    Reason.EARLIER_STEP: "Something before it didn't work, such as making its folder. See the permissions there.",
    Reason.NEEDS_ATTENTION: "What became of it can't be told for sure. 'fileorganizer verify' says what is where.",
    Reason.IO_ERROR: "The disk answered with an error.",
    Reason.NOT_SUPPORTED: "It can't be done with such a file, or on this disk.",
    Reason.LAST_COPY: "The other copy wasn't found any more, so this one stays.",
    Reason.NOT_OURS: "Something else is there now, or a copy of it with another time; it stays.",
    Reason.MISSING: "It isn't where it was put, and wasn't found elsewhere in the folder.",
    Reason.MOVED_BY_YOU: "It was moved since, and stays where it is now.",
    Reason.SOURCE_TAKEN: "Something else is where it was.",
    Reason.PURGED: "It was destroyed since.",
    Reason.RESTORED_EDITED: "It was edited since, and went back with the edit.",
    Reason.TIMES_REFUSED: "The disk didn't take its time.",
    Reason.METADATA_LOST: "Not all that it had, such as owner or attributes, could be kept.",
}
"""Reason → a sentence."""

_BY_LABEL: Final = {reason.label: sentence for reason, sentence in WHY.items()}


def why(label: str) -> str:
    """The sentence for the label of a reason."""
    return _BY_LABEL[label]
