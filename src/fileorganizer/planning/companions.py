"""Which files of one folder belong together, and how a whole family is renamed. Pure; names are bytes.

A *claim* says which name a dependent would belong to (``IMG_1.CR2.xmp`` claims
``IMG_1.CR2``; ``film.en.srt`` claims a video called ``film.en`` or ``film``). Each
dependent gets the first claim that the folder fulfils; following them upwards
ends at the leader, whose category and date decide for all. Leaders: the raw
photo before the developed one, the photo before its Live Photo video, the
video before subtitles, the sound before its cue sheet, the page before its
folder, the first volume.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from typing import Final

from fileorganizer.planning import naming

_EXTENSIONS: Final[dict[str, str]] = {
    "raw": "3fr ari arw bay cap cr2 cr3 crw dcr dcs dng drf eip erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw orf pef ptx r3d "
    "raf raw rw2 rwl sr2 srf srw x3f",
    "heif": "heic heif hif",
    "jpeg": "jpg jpeg jpe",
    "image": "png tif tiff webp avif gif bmp jxl jp2 psd psb",
    "design": "ai eps indd pdf svg afphoto afdesign xcf",
    "live": "mov",
    "mp4": "mp4",
    "video": "mkv avi m4v wmv webm mpg mpeg ts m2ts mts vob flv 3gp ogv divx rmvb asf insv 360",
    "sound": "flac wav ape wv mp3 m4a m4b aac ogg opus wma tta tak aiff aif dsf dff",
    "disc": "bin img iso mdf nrg",
    "archive": "rar zip 7z exe tar gz tgz ace arj",
    "page": "html htm xhtml",
    "aup": "aup",
    "lrcat": "lrcat",
    "shp": "shp",
    "obj": "obj",
    "idx": "idx",
}
_KIND: Final = {b"." + ending.encode(): kind for kind, text in _EXTENSIONS.items() for ending in text.split()}
"""Extension → what kind of main thing it is."""

_STILLS: Final = ("raw", "heif", "jpeg", "image")
_MOVING: Final = ("mp4", "live", "video")
_RECORDED: Final = _STILLS + _MOVING + ("sound",)

_BY_STEM: Final[dict[bytes, tuple[str, ...]]] = {
    b"." + ending.encode(): kinds
    for endings, kinds in (
        # A photo and what the same press of the button made besides.
        ("jpg jpeg jpe", ("raw", "heif")),
        ("heic heif hif", ("raw",)),
        ("mov", ("raw", "heif", "jpeg")),
        ("mp4", ("heif",)),
        ("wav", ("raw",)),
        # What says something about a photo or film.
        ("xmp", (*_STILLS, *_MOVING, "design", "sound")),
        ("aae", ("heif", "jpeg", "raw", "image", *_MOVING)),
        ("thm", (*_MOVING, "raw", "jpeg")),
        ("lrv", _MOVING),
        ("dop pp3 arp vrd dr4 cos cop on1 nksc spd rpp exv mie rrd pxl", _STILLS),
        ("srt ass ssa vtt smi sbv usf ttml dfxp sup lrc", (*_MOVING, "sound")),
        ("idx", _MOVING),
        ("sub", (*_MOVING, "idx", "disc")),
        ("nfo", (*_MOVING, "sound", "disc", "archive")),
        ("tbn", _MOVING),
        ("description annotations", (*_MOVING, "sound")),
        # Sound, discs, archives, maps, models.
        ("cue", ("sound", "disc")),
        ("accurip ffp", ("sound",)),
        ("ccd mds toc", ("disc",)),
        ("sfv md5 sha1 sha256 sha512 par2 rev", ("archive", "disc", *_MOVING, "sound")),
        ("tfw tifw ovr", ("image",)),
        ("jgw pgw", ("jpeg", "image")),
        ("shx dbf prj cpg sbn sbx qpj qix qmd fbn fbx ain aih atx ixs mxs", ("shp",)),
        ("mtl", ("obj",)),
    )
    for ending in endings.split()
}
"""Extension of a dependent → the kinds that it belongs to under the same stem, best first."""

_BY_NAME: Final = frozenset(
    b"." + ending
    for ending in (
        b"xmp aae thm dop pp3 arp vrd on1 nksc exv rpp cos spd lrc srt vtt "
        b"md5 sha1 sha224 sha256 sha384 sha512 b2 b3 sfv asc sig minisig sign torrent par2 ots tfw ovr"
    ).split()
)
"""Dependents that may bear the whole name of another file plus their own extension."""

_INFIXED: Final = frozenset({b".srt", b".ass", b".ssa", b".vtt", b".smi", b".sub", b".idx", b".sup", b".lrc", b".ttml"})
_JSON: Final = (b"info", b"live_chat")
_TAKEOUT: Final = b"supplemental-metadata"
_ARTWORK: Final = frozenset(
    b"poster fanart thumb banner landscape clearlogo clearart logo disc discart keyart backdrop cover trailer".split()
)
_ARTWORK_ENDINGS: Final = frozenset({b".jpg", b".jpeg", b".png", b".webp", b".tbn", b".gif"})
_FOLDER_ENDINGS: Final[dict[bytes, str]] = {
    **{
        ending.encode(): "page"
        for ending in (
            "_files .files -files _file -dateien _fichiers _archivos _arquivos _ficheiros _bestanden -filer _filer _tiedostot _pliki "
            "_soubory _elemei _dosyalar _datoteke _datoteki _fails _failid _bylos _fitxers _fitxategiak _fisiere _файлы _файли "
            "_文件 _檔案 _ファイル _파일"
        ).split()
    },
    **{ending.encode(): "page" for ending in ("-Dateien", "-Filer")},
    b"_data": "aup",
    b" previews.lrdata": "lrcat",
    b" smart previews.lrdata": "lrcat",
    b" helper.lrdata": "lrcat",
    b".lrcat-data": "lrcat",
}
"""How the folder beside a file ends, and the kind of that file."""
_FOLDER_KINDS: Final = frozenset(_FOLDER_ENDINGS.values())
_FOLDER_TAILS: Final = frozenset(ending[-3:] for ending in _FOLDER_ENDINGS)

_VOLUMES: Final = re.compile(
    rb"(?P<base>.+?)(?:\.part(?P<part>\d{1,4})\.(?:rar|exe|rev)|(?P<old>\.(?:rar|[rs]\d\d))|(?P<split>\.(?:zip|z\d\d))"
    rb"|(?P<number>\.\d{3})|(?P<recovery>(?:\.vol\d+\+\d+)?\.par2)|(?P<setup>\.exe|-\d{1,2}[a-z]?\.bin))\Z",
    re.DOTALL,
)
_VOLUME_ENDING: Final = re.compile(rb"\.(?:[rsz]\d\d|\d{3}|rar|par2|bin)\Z")
_PROOF: Final[dict[str, tuple[bytes, ...]]] = {
    "old": (b".r00", b".r01"),
    "split": (b".z01",),
    "number": (b".000", b".001"),
}
"""What has to be there before numbered names are taken for volumes: ``prog.z80`` beside ``prog.zip`` is none."""

_APPLE_VARIANTS: Final = (b"IMG_E", b"IMG_O", b"img_e", b"img_o")
"""How the stem of a photo edited on an iPhone begins, and of its first adjustments."""
_DARKTABLE_VERSION: Final = re.compile(rb"_\d\d(\.[^.]+)\Z")
_TAKEOUT_NUMBER: Final = re.compile(rb"\A(.+)(\.[^.]+)(\(\d+\))\Z", re.DOTALL)

_DEPENDING: Final = _BY_NAME | _BY_STEM.keys() | {b".json", b".mp"}
"""Endings of which a name may belong to another."""
_PICTURES: Final = _ARTWORK_ENDINGS | {ending for ending, kind in _KIND.items() if kind in _MOVING}
"""Endings that a picture of a film, or its trailer, may have."""
_ByEnding = defaultdict[bytes, list[bytes]]
"""The names of a folder by what follows the last dot, with it; folders are among them."""

Claim = tuple[bytes, tuple[str, ...]]
"""A stem or name in lower case and the kinds that fulfil the claim; no kinds: the whole name, of whatever kind."""


def companions(names: Sequence[bytes], folders: Collection[bytes]) -> dict[bytes, bytes]:
    """Say for each name that belongs to a family of two or more which name leads it; the leader leads itself.

    ``names`` are all names in one folder, sorted and unique; ``folders`` says
    which of them are folders: they belong to nothing but the page (or project)
    that they hold the pieces of. Extensions are compared without case, stems
    too where no stem fits exactly.
    """
    by_ending: _ByEnding = defaultdict(list)
    for name in names:
        by_ending[name[name.rfind(b".") :]].append(name)
    lows = {ending: ending.lower() for ending in by_ending}
    kinds = {_KIND[low] for low in lows.values() if low in _KIND}
    dependents = _dependents(names, folders, by_ending, lows, kinds)
    if folders and not kinds.isdisjoint(_FOLDER_KINDS):
        dependents += _page_folders(names, folders)
    parents = _volumes(folders, by_ending, lows)
    if dependents:
        index = _Index(folders, by_ending, lows, dependents)
        for name, claims in dependents:
            parent = index.fulfil(name, claims)
            if parent is not None and name not in parents:
                parents[name] = parent
    return _led(parents)


def _led(parents: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Follow every parent up to the leader."""
    leaders: dict[bytes, bytes] = {}
    for name in parents:
        leader = name
        while leader in parents:
            leader = parents[leader]
        leaders[name] = leader
        leaders[leader] = leader
    return leaders


def _dependents(
    names: Sequence[bytes], folders: Container[bytes], by_ending: _ByEnding, lows: dict[bytes, bytes], kinds: set[str]
) -> list[tuple[bytes, list[Claim]]]:
    """Find the names that may belong to another, with their claims, best first."""
    found: list[bytes] = []
    for ending, low in lows.items():
        if low in _DEPENDING and _may_depend(low, kinds):
            found += by_ending[ending]
    found += _beginning(names, b"._", *_APPLE_VARIANTS)
    if not kinds.isdisjoint(_MOVING):
        for ending, low in lows.items():
            if low in _PICTURES:
                found += [name for name in by_ending[ending] if b"-" in name and _last_word(name) in _ARTWORK]
    claimed = ((name, list(_claims(name))) for name in found if name not in folders)
    return [(name, claims) for name, claims in claimed if claims]


def _beginning(names: Sequence[bytes], *starts: bytes) -> Iterator[bytes]:
    """Give the names that begin with one of ``starts``: sorted, each start is one stretch of them."""
    for start in starts:
        first = bisect_left(names, start)
        yield from names[first : bisect_left(names, start[:-1] + bytes((start[-1] + 1,)), first)]


def _last_word(name: bytes) -> bytes:
    """Give what stands between the last dash and the extension."""
    return name.rpartition(b".")[0].rpartition(b"-")[2].lower()


def _original_of(stem: bytes) -> bytes:
    """Give the stem of the photo that an iPhone's ``img_e1234`` (edited) or ``img_o1234`` was made from, else ``stem`` itself."""
    return stem[:4] + stem[5:] if stem[:5] in _APPLE_VARIANTS and stem[5:9].isdigit() else stem


def _may_depend(ending: bytes, kinds: set[str]) -> bool:
    """Say whether names with this extension may belong to another, given the kinds that there are in the folder."""
    if ending in _BY_NAME:
        return True
    if ending in (b".json", b".mp"):
        return not kinds.isdisjoint(_RECORDED)
    accepted = _BY_STEM.get(ending)
    return accepted is not None and not kinds.isdisjoint(accepted)


def _claims(name: bytes) -> Iterator[Claim]:
    """Give the claims of one name, best first."""
    low = name.lower()
    if low.startswith(b"._"):
        yield low[2:], ()
        return
    dot = low.rfind(b".")
    stem, ending = low[:dot], low[dot:]
    if ending in _BY_NAME:
        yield stem, ()
        yield _DARKTABLE_VERSION.sub(rb"\1", stem), ()
    if ending == b".json":
        yield from _json_claims(stem)
    if ending == b".mp":
        yield low + b".jpg", ()
    yield from _stem_claims(stem, ending)


def _stem_claims(stem: bytes, ending: bytes) -> Iterator[Claim]:
    """Give the claims of a dependent on a main thing with the same stem, or nearly."""
    kinds = _BY_STEM.get(ending)
    plain = _original_of(stem)
    if kinds:
        yield stem, kinds
        if plain != stem:
            yield plain, kinds
    if plain != stem and ending in _KIND:
        # An edited photo of an iPhone belongs to the original, of its own kind first.
        yield plain, (_KIND[ending], *_STILLS[:3])
    if ending in _INFIXED:
        for _ in range(2):  # film.en.srt, film.en.forced.srt
            stem, dot, infix = stem.rpartition(b".")
            if not dot or not stem or len(infix) > 12 or b" " in infix:
                break
            yield stem, kinds or ()
    before, dash, last = stem.rpartition(b"-")
    if dash and last in _ARTWORK and (last == b"trailer" or ending in _ARTWORK_ENDINGS):
        yield before, _MOVING


def _json_claims(stem: bytes) -> Iterator[Claim]:
    """Give the claims of a ``.json``: what Google Takeout and yt-dlp say about a photo, film or sound."""
    before, dot, last = stem.rpartition(b".")
    if dot and last in _JSON:
        yield before, (*_MOVING, "sound")
    number = b""
    if dot and last.endswith(b")") and b"(" in last:
        last, _, rest = last.partition(b"(")
        number = b"(" + rest
    if dot and last and _TAKEOUT.startswith(last):
        yield _numbered(before, number), ("named", *_RECORDED)
    if match := _TAKEOUT_NUMBER.match(stem):
        yield match[1] + match[3] + match[2], ("named", *_RECORDED)
    yield stem, ("named", *_RECORDED)


def _numbered(name: bytes, number: bytes) -> bytes:
    """Put ``(1)`` before the extension, as Takeout does with the photo but not with its description."""
    dot = name.rfind(b".")
    return name[:dot] + number + name[dot:] if number and dot > 0 else name


def _page_folders(names: Sequence[bytes], folders: Container[bytes]) -> list[tuple[bytes, list[Claim]]]:
    """Find the folders that hold the pieces of a page or project, with their claims."""
    found: list[tuple[bytes, list[Claim]]] = []
    for name in names:
        if name[-3:].lower() not in _FOLDER_TAILS or name not in folders:
            continue
        low = name.lower()
        claims: list[Claim] = [
            (low[: -len(end)], (kind,)) for end, kind in _FOLDER_ENDINGS.items() if low.endswith(end)
        ]
        if claims:
            found.append((name, claims))
    return found


class _Index:
    """The names of a folder that some claim asks for, by lower-case stem and by lower-case name."""

    def __init__(
        self,
        folders: Container[bytes],
        by_ending: _ByEnding,
        lows: dict[bytes, bytes],
        dependents: Iterable[tuple[bytes, list[Claim]]],
    ) -> None:
        """Look once through the names whose ending may matter; folders fulfil no claim."""
        asked = {key for _, claims in dependents for key, _ in claims}
        kinds = {kind for _, claims in dependents for _, accepted in claims for kind in accepted}
        asked_endings = {key[key.rfind(b".") :] for key in asked}
        self._by_stem: dict[tuple[bytes, str], list[bytes]] = {}
        self._by_name: dict[bytes, list[bytes]] = {}
        for ending, low_ending in lows.items():
            kind = _KIND.get(low_ending, "")
            if kind not in kinds and low_ending not in asked_endings:
                continue
            for name in by_ending[ending]:
                low = name.lower()
                if low in asked and name not in folders:
                    self._by_name.setdefault(low, []).append(name)
                if kind and (stem := low[: low.rfind(b".")]) in asked and name not in folders:
                    self._by_stem.setdefault((stem, kind), []).append(name)

    def fulfil(self, name: bytes, claims: Iterable[Claim]) -> bytes | None:
        """Give the name that ``name`` belongs to, if there is one."""
        for key, kinds in claims:
            for candidates in self._candidates(key, kinds):
                if candidates and (found := _closest(name, candidates)) is not None:
                    return found
        return None

    def _candidates(self, key: bytes, kinds: tuple[str, ...]) -> Iterator[Sequence[bytes]]:
        """Give the names that fulfil one claim, kind by kind, best first."""
        if not kinds:
            yield self._by_name.get(key, ())
        elif kinds[0] == "named":
            yield [name for name in self._by_name.get(key, ()) if _kind(name) in kinds]
        else:
            for kind in kinds:
                yield self._by_stem.get((key, kind), ())


def _kind(name: bytes) -> str | None:
    """Give the kind of main thing that ``name`` is."""
    return _KIND.get(name[name.rfind(b".") :].lower())


def _closest(name: bytes, candidates: Sequence[bytes]) -> bytes | None:
    """Choose the candidate that shares most of its beginning with ``name``; of equals the first. Never ``name`` itself."""
    others = sorted(candidate for candidate in candidates if candidate != name)
    if len(others) < 2:
        return others[0] if others else None
    return max(others, key=lambda candidate: _shared(name, candidate))


def _shared(one: bytes, other: bytes) -> int:
    """Count the equal bytes at the start of both."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _volumes(folders: Container[bytes], by_ending: _ByEnding, lows: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Give each further volume of a split archive its first volume."""
    volumes = [ending for ending, low in lows.items() if _VOLUME_ENDING.match(low)]
    if not volumes:
        return {}
    volumes += [ending for ending, low in lows.items() if low in (b".zip", b".exe", b".rev")]
    families: dict[tuple[str, bytes], list[tuple[bytes, bytes]]] = {}
    for name in sorted(name for ending in volumes for name in by_ending[ending]):
        if (match := _VOLUMES.match(name.lower())) and name not in folders:
            families.setdefault((match.lastgroup or "", match["base"]), []).append(
                (name, match[0][len(match["base"]) :])
            )
    parents: dict[bytes, bytes] = {}
    for (scheme, _), members in families.items():
        if len(members) > 1 and _proven(scheme, members):
            first = min(members, key=lambda member: _volume_order(scheme, member))
            parents.update({name: first[0] for name, _ in members if name != first[0]})
    return parents


def _proven(scheme: str, members: Sequence[tuple[bytes, bytes]]) -> bool:
    """Say whether the members really are volumes of one thing."""
    tails = {tail for _, tail in members}
    if scheme == "setup":
        return b".exe" in tails and len(tails) > 1
    return scheme not in _PROOF or not tails.isdisjoint(_PROOF[scheme])


def _volume_order(scheme: str, member: tuple[bytes, bytes]) -> tuple[int, int, bytes]:
    """Order volumes: the one that is opened first comes first."""
    name, tail = member
    if tail in (b".rar", b".zip", b".par2", b".exe"):
        return 0, 0, name
    digits = re.findall(rb"\d+", tail)
    return 1 + (tail.endswith(b".rev")), int(digits[0]) if digits and scheme != "old" else 0, name


def rename_companion(member: bytes, leader: bytes, new_leader: bytes) -> bytes:
    """Give a member the change of name that its leader had: ``film.en.srt`` → ``film (2).en.srt``.

    ``new_leader`` is ``leader`` with something put in between stem and extension
    (``naming.suffixed``), perhaps with a shorter stem. Members keep their own
    spelling of the stem where they can; different members get different names.
    """
    if member == leader:
        return new_leader
    if member.startswith(b"._") and not leader.startswith(b"._"):
        return b"._" + rename_companion(member[2:], leader, new_leader)
    stem, extension = naming.split_extension(leader)
    new_stem = new_leader.removesuffix(extension)
    inserted = new_stem[len(stem) :] if new_stem.startswith(stem) else None
    length = _stem_length(member, stem)
    if length is not None:
        return (new_stem if inserted is None else member[:length] + inserted) + member[length:]
    own, own_extension = naming.split_extension(member)
    if inserted is not None:
        return own + inserted + own_extension
    mark = hashlib.blake2b(own, digest_size=4).hexdigest().encode()
    return new_stem + b"-" + mark + own_extension


def _stem_length(member: bytes, stem: bytes) -> int | None:
    """Give how much of ``member`` is its leader's stem, also as ``IMG_E1234`` of ``IMG_1234``; None: it isn't there."""
    low, wanted = member.lower(), stem.lower()
    if low.startswith(wanted):
        return len(stem)
    plain = _original_of(low)
    return len(stem) + 1 if plain != low and plain.startswith(wanted) else None


def overhang(members: Iterable[bytes], leader: bytes) -> int:
    """Give how many bytes the longest member is longer than its leader: ``reserve`` of ``naming.suffixed``."""
    return max((len(member) - len(leader) for member in members), default=0)
