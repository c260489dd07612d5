"""Playlists are read as players read them; catalogues are known by name."""

from __future__ import annotations

import pytest

from fileorganizer.classify import playlists


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (b"a.m3u", b"#EXTM3U\n#EXTINF:1,x\nsong.mp3\n\nsub/b.mp3\r\n", [b"song.mp3", b"sub/b.mp3"]),
        (b"a.M3U8", b"\xef\xbb\xbf\xc3\xa4.mp3\n/abs/b.mp3", [b"\xc3\xa4.mp3", b"/abs/b.mp3"]),
        (b"a.m3u", b"..\\Music\\c.mp3\nhttp://radio/stream\n", [b"../Music/c.mp3"]),
        (b"a.m3u", b"file:///home/u/a%20b.mp3\n100%25.mp3\n", [b"/home/u/a b.mp3", b"100%25.mp3"]),
        (b"a.pls", b"[playlist]\nFile1=a.mp3\nTitle1=x\nfile2=b.mp3\nFile3=https://x/y\n", [b"a.mp3", b"b.mp3"]),
        (b"a.xspf", b"<track><location> file:///m/a%20&amp;b.mp3 </location></track>", [b"/m/a &b.mp3"]),
        (b"a.wpl", b'<media src="..\\a &amp; b.wma"/><media src="c.wma"/>', [b"../a & b.wma", b"c.wma"]),
        (b"a.asx", b"<ref href='d.wma'/><ref href='mms://x/y'/>", [b"d.wma"]),
        (b"a.m3u", b"invalid \xff.mp3", [b"invalid \xff.mp3"]),
        (b"a.xspf", b"no playlist", []),
        (b"a.m3u", b"", []),
    ],
)
def test_what_a_playlist_names(name: bytes, content: bytes, found: list[bytes]) -> None:
    """Paths as they are written, with slashes; nothing of a network."""
    assert list(playlists.entries(name, content)) == found
