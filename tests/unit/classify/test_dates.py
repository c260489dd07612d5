"""Wall-clock seconds: conversion of file times, and dates in names."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileorganizer.classify import dates
from fileorganizer.classify.dates import name_date, plausible, wall_clock

NOW = 1_780_000_000.0
"""In May 2026."""
ZONES = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Monrovia", "Africa/Casablanca")])  # fmt: skip


def shown(taken: int | None) -> str | None:
    """Wall-clock seconds as the layout shows them."""
    return None if taken is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(taken))


@given(st.integers(-2_000_000_000, 8_000_000_000), st.integers(0, 999_999_999), ZONES)
def test_wall_clock_is_the_local_time(seconds: int, nanoseconds: int, zone: ZoneInfo) -> None:
    """As ``datetime`` computes it, in every zone, on days with and without a change, asked twice."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone).replace(tzinfo=UTC)
    for _ in range(2):
        assert wall_clock(seconds * 1_000_000_000 + nanoseconds, zone) == int(local.timestamp())


def test_around_a_change_of_the_clock() -> None:
    """Every quarter of an hour of the days on which Berlin changes, both ways."""
    zone = ZoneInfo("Europe/Berlin")
    for day in (1_616_889_600, 1_635_638_400):
        for seconds in range(day, day + 86_400, 900):
            assert shown(wall_clock(seconds * 10**9, zone)) == datetime.fromtimestamp(seconds, zone).strftime(
                "%Y-%m-%d %H:%M:%S"
            )


def test_the_last_evening_of_a_year_stays_in_it() -> None:
    """What it is all for: 23:30 in New York on New Year's Eve is 04:30 UTC of the next year."""
    eve = int(datetime(2023, 12, 31, 23, 30, tzinfo=ZoneInfo("America/New_York")).timestamp())
    assert shown(wall_clock(eve * 10**9, ZoneInfo("America/New_York"))) == "2023-12-31 23:30:00"


@given(st.integers(-(2**80), 2**80), st.none() | ZONES | st.just(timezone(timedelta(hours=-12))))
def test_any_file_time_can_be_shown(mtime_ns: int, zone: ZoneInfo | None) -> None:
    """Absurd times are moved to the ends of the calendar."""
    assert 1 <= time.gmtime(wall_clock(mtime_ns, zone)).tm_year <= 9999


def test_the_cache_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million files over all the centuries must not keep a million days."""
    monkeypatch.setattr(dates, "_KNOWN_DAYS", 10)
    zone = ZoneInfo("Asia/Tokyo")
    assert [wall_clock(day * 86_400 * 10**9, zone) - day * 86_400 for day in range(1000)] == [9 * 3600] * 1000
    assert len(dates._offsets[zone]) <= 10


def test_all_zones_work() -> None:
    """Offsets with seconds, zones without rules."""
    for name in available_timezones():
        zone = ZoneInfo(name)
        local = datetime.fromtimestamp(1_700_000_000, zone).replace(tzinfo=UTC)
        assert wall_clock(1_700_000_000 * 10**9, zone) == int(local.timestamp())


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG_20210304_123456.jpg", "2021-03-04 12:34:56"),
        ("IMG_20210304_123456(1).jpg", "2021-03-04 12:34:56"),
        ("PXL_20210304_123456789.MP.jpg", "2021-03-04 12:34:56"),
        ("PXL_20210304_123456789.NIGHT.jpg", "2021-03-04 12:34:56"),
        ("VID_20210304_123456.mp4", "2021-03-04 12:34:56"),
        ("20210304_123456.jpg", "2021-03-04 12:34:56"),
        ("IMG20210304123456.jpg", "2021-03-04 12:34:56"),
        ("MVIMG_20210304_123456.jpg", "2021-03-04 12:34:56"),
        ("2021-03-04 10.11.12.jpg", "2021-03-04 10:11:12"),
        ("2021-03-04 10.11.12-1.jpg", "2021-03-04 10:11:12"),
        ("2021-03-04_10-11-12_HDR.jpg", "2021-03-04 10:11:12"),
        ("IMG-20210304-WA0001.jpg", "2021-03-04 00:00:00"),
        ("VID-20210304-WA0017.mp4", "2021-03-04 00:00:00"),
        ("WhatsApp Image 2021-03-04 at 10.11.12.jpeg", "2021-03-04 10:11:12"),
        ("WhatsApp Video 2021-03-04 at 10.11.12 (2).mp4", "2021-03-04 10:11:12"),
        ("Screenshot_20210304-101112_Maps.jpg", "2021-03-04 10:11:12"),
        ("Screenshot_2021-03-04-10-11-12-123_com.app.jpg", "2021-03-04 10:11:12"),
        ("Screenshot from 2021-03-04 10-11-12.png", "2021-03-04 10:11:12"),
        ("Screenshot 2021-03-04 at 1.02.03 PM.png", "2021-03-04 00:00:00"),
        ("Screenshot 2021-03-04 101112.png", "2021-03-04 10:11:12"),
        ("signal-2021-03-04-101112.jpg", "2021-03-04 10:11:12"),
        ("signal-2021-03-04-10-11-12-123.jpg", "2021-03-04 10:11:12"),
        ("photo_2021-03-04_10-11-12.jpg", "2021-03-04 10:11:12"),
        ("2021-03-04 Birthday.jpg", "2021-03-04 00:00:00"),
        ("Birthday 2021_03_04 (3).jpg", "2021-03-04 00:00:00"),
        ("2021-03-04-7.jpg", "2021-03-04 00:00:00"),
        ("20240229_000000.jpg", "2024-02-29 00:00:00"),
    ],
)
def test_names_with_a_date(name: str, date: str) -> None:
    """Cameras, telephones, messengers and people."""
    assert shown(name_date(name.encode(), NOW)) == date


@pytest.mark.parametrize(
    "name",
    [
        "DSC01234.JPG", "IMG_1234.jpg", "holiday.jpg", "", "+49 170 2021 0304.jpg", "0170-2021-03-04.jpg", "20210304.jpg", "120210304_123456.jpg",
        "20210304_1234567.jpg", "20211304_123456.jpg", "20210230_123456.jpg", "20230229_101112.jpg", "20210304_256161.jpg", "IMG_99999999.jpg",
        "2021-03-04-5678-1234.jpg", "12345678901234.jpg", "1614852672000.jpg", "IMG_20210304123.jpg", "FB_IMG_1614852672000.jpg", "2021-0304.jpg",
        "1969-07-20 20.17.00.jpg", "19700101_000000.jpg", "2121-03-04 10.11.12.jpg", "00000000_000000.jpg", "4000-2021-03-04.mp4", "2021-03.04.jpg",
        "XIMG-20210304-WA0001.jpg", "192.168.2021.03.04.jpg", "20210304_123456123456.jpg", "2021-03-041.jpg", "IMG_20210304_12.jpg",
    ],
)  # fmt: skip
def test_names_without_a_date(name: str) -> None:
    """Counters, telephone numbers, ids, days that no calendar has, unset and future clocks."""
    assert name_date(name.encode(), NOW) is None


@given(st.binary(max_size=255))
def test_any_name(name: bytes) -> None:
    """No bytes raise, and what is found is plausible."""
    found = name_date(name, NOW)
    assert found is None or plausible(found, NOW)


@given(
    st.integers(31_536_000, int(NOW)),
    st.sampled_from(["IMG_%Y%m%d_%H%M%S.jpg", "%Y-%m-%d %H.%M.%S.png", "VID%Y%m%d%H%M%S.mp4"]),
)
def test_every_moment_that_a_camera_writes_is_read(taken: int, pattern: str) -> None:
    """Round trip."""
    assert name_date(time.strftime(pattern, time.gmtime(taken)).encode(), NOW) == taken


def test_plausible() -> None:
    """From 1971 to tomorrow."""
    assert [plausible(taken, NOW) for taken in (0, 31_535_999, 31_536_000, int(NOW) + 86_400, int(NOW) + 86_401)] == [
        False,
        False,
        True,
        True,
        False,
    ]
