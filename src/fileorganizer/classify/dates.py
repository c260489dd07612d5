"""When a file was made, from the best source that has a plausible answer.

All dates here are **wall-clock seconds**: the local wall-clock time of the
moment, read as if it were UTC, in seconds since the epoch. ``time.gmtime`` of it
therefore always gives the local year, month and day of the capture, whatever the
zone of the camera or of this machine. It isn't a point in time: don't compare it
with ``time.time()`` closer than a day.

The sources in order (``model.DateSource``) are the photo's header, the film's
container, the name, and the file's time. ``DateReader`` asks the first two in a
process of its own, ``name_date`` the third, ``wall_clock`` converts the last. A
date before 1971 or more than a day ahead is an unset clock: the next source is
taken.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, tzinfo
from typing import Final

from fileorganizer.classify.date_child import CLOCK_SLACK, EARLIEST, wall_seconds

_DAY: Final = 86_400
_FIRST, _LAST = -62_135_424_000, 253_401_955_200
"""The years 1 to 9999, some days away from the ends: what calendars can show in any zone."""
_KNOWN_DAYS: Final = 50_000
_offsets: dict[tzinfo | None, dict[int, int]] = {}
"""Zone → day since the epoch → offset from UTC in seconds, for days without a change of the clock."""


def wall_clock(mtime_ns: int, zone: tzinfo | None) -> int:
    """Wall-clock seconds of a file time in ``zone`` (None: the system's zone as it was at the first call).

    Times that no calendar shows (outside the years 1 to 9999) are moved to its
    ends. Costs 0.2 µs for a day that was asked for before.
    """
    seconds = mtime_ns // 1_000_000_000
    try:
        return seconds + _offsets[zone][seconds // _DAY]
    except KeyError:
        return _first_of_day(seconds, zone)


def _first_of_day(seconds: int, zone: tzinfo | None) -> int:
    """Convert a moment of a day not seen before, and remember the day if the clock doesn't change on it."""
    seconds = min(max(seconds, _FIRST), _LAST)
    day = seconds // _DAY
    offset, begin, end = (_offset(at, zone) for at in (seconds, day * _DAY, (day + 1) * _DAY))
    known = _offsets.setdefault(zone, {})
    if len(known) >= _KNOWN_DAYS:
        known.clear()
    if begin == end:
        known[day] = offset
    return seconds + offset


def _offset(seconds: int, zone: tzinfo | None) -> int:
    """Seconds that the zone is ahead of UTC at a moment."""
    if zone is None:
        return time.localtime(seconds).tm_gmtoff
    ahead = datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset()
    return round(ahead.total_seconds()) if ahead is not None else 0


def plausible(taken: int, now: float) -> bool:
    """Whether a date can be true: from 1971 on, and not more than a day ahead of ``now``."""
    return EARLIEST <= taken <= now + CLOCK_SLACK


_PREFIX: Final = (
    rb"(?<![a-z])(?:IMG|VID|PXL|MVIMG|PANO|BURST|DSCF?|SAVE|SNAP|WP|MOV|AUD|PTT|REC|Screenshot"
    rb"|Screen[ _-]?Recording|Recording|Photo|Video|signal|Telegram)"
)
_NAME_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # 2021-03-04 10.11.12, 2021-03-04_10-11-12-123, 2021-03-04 at 10.11.12, signal-2021-03-04-101112
        rb"(?<!\d)(\d{4})([-_.])(\d\d)\2(\d\d)(?:[ T_-]| at |, )(\d\d)([-_.:h]?)(\d\d)\6(\d\d)(?:\d{3})?(?!\d)",
        # 20210304_123456, IMG_20210304_123456789, Screenshot_20210304-101112_App
        rb"(?<!\d)(\d{4})()(\d\d)(\d\d)[_ T-](\d\d)()(\d\d)(\d\d)(?:\d{3})?(?!\d)",
        # IMG20210304101112
        _PREFIX + rb"[_-]?(\d{4})()(\d\d)(\d\d)(\d\d)()(\d\d)(\d\d)(?:\d{3})?(?!\d)",
        # IMG-20210304-WA0001
        rb"(?<![a-z])(?:IMG|VID|AUD|PTT|STK)-(\d{4})()(\d\d)(\d\d)(?=-WA\d)",
        # IMG_20210304
        _PREFIX + rb"[_ -](\d{4})()(\d\d)(\d\d)(?!\d|[-_ ]\d)",
        # Screenshot 2021-03-04, 2021-03-04 Birthday, 2021-03-04-1; not a part of a longer number with separators
        rb"(?<!\d)(?<!\d[-_. ])(\d{4})([-_.])(\d\d)\2(\d\d)(?!\d|[-_.:]\d{3}|[-_.:]\d+[-_.:]\d)",
    )
)


def name_date(name: bytes, now: float) -> int | None:
    """The date that a camera, phone or messenger wrote into a name, in wall-clock seconds; None if there is no plausible one.

    Strict, so that telephone numbers and ids don't count: a year of four
    digits, a month and a day of the calendar, the same separator between them,
    no digit beside it; eight digits alone only behind a known prefix. A date
    without a time is midnight. ``now`` in seconds since the epoch.
    """
    for pattern in _NAME_PATTERNS:
        for match in pattern.finditer(name):
            taken = _from_parts(match.groups())
            if taken is not None and plausible(taken, now):
                return taken
    return None


def _from_parts(groups: tuple[bytes, ...]) -> int | None:
    """Wall-clock seconds of year, separator, month, day and maybe hour, separator, minute, second."""
    hour, minute, second = (groups[4], groups[6], groups[7]) if len(groups) == 8 else (b"00", b"00", b"00")
    return wall_seconds(b"%s:%s:%s %s:%s:%s" % (groups[0], groups[2], groups[3], hour, minute, second))
