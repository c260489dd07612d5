"""What a walk leaves alone: hidden, system, unfinished and excluded names, and folders that are one thing.

Decides by names alone and asks no disk. The walk asks ``is_control`` first (the
control directory isn't even reported), then ``Ignoring.reason`` for every
name, ``whole_folder`` once for every folder below the root, and ``in_use`` for a
folder in which something unfinished was seen.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from fileorganizer import errors, model
from fileorganizer.model import Reason

JUNK: Final = frozenset(
    {b".DS_Store", b".ds_store", b"Thumbs.db", b"thumbs.db", b"THUMBS.DB", b"Thumbs.DB"}
    | {b"desktop.ini", b"Desktop.ini", b"DESKTOP.INI", b"ehthumbs.db", b".localized", b".directory", b"Icon\r"}
)
"""Names with which a folder still counts as empty."""

FORK: Final = b"._"
"""Before the name of a file: what macOS keeps of it beside it (AppleDouble), on disks that have no room for that in the file."""

KEEP_MARKERS: Final = frozenset(
    {b".keep", b".gitkeep", b".keepme", b".keep-together", b".placeholder", b".empty", b".stfolder", b".nomedia"}
)
"""Names that say: this folder stays, even if there is nothing else in it."""

_SYSTEM_NAMES: Final = frozenset(
    {model.CONTROL_DIRECTORY}
    | {name.lower() for name in JUNK | KEEP_MARKERS}
    # Windows
    | {
        b"ehthumbs_vista.db",
        b"ntuser.dat",
        b"ntuser.ini",
        b"ntuser.pol",
        b"ntuser.dat.log",
        b"ntuser.dat.log1",
        b"ntuser.dat.log2",
    }
    | {
        b"$recycle.bin",
        b"recycler",
        b"recycled",
        b"system volume information",
        b"found.000",
        b"dumpstack.log",
        b"dumpstack.log.tmp",
    }
    | {b"pagefile.sys", b"hiberfil.sys", b"swapfile.sys", b"bootmgr", b"config.msi", b"msocache"}
    # macOS
    | {
        b".trashes",
        b".trash",
        b".fseventsd",
        b".spotlight-v100",
        b".documentrevisions-v100",
        b".temporaryitems",
        b".apdisk",
    }
    | {b".appledouble", b".appledb", b".appledesktop", b".volumeicon.icns", b".com.apple.timemachine.donotpresent"}
    | {b"network trash folder", b"temporary items", b".pkinstallsandboxmanager", b".mobilebackups"}
    # Linux, BSD
    | {
        b"lost+found",
        b".hidden",
        b".xdg-volume-info",
        b".snapshot",
        b".snapshots",
        b".zfs",
        b"aquota.user",
        b"aquota.group",
    }
    # NAS and synchronisation
    | {
        b"@eadir",
        b"@tmp",
        b"@recycle",
        b"@recently-snapshot",
        b"@sharebin",
        b"#recycle",
        b"#snapshot",
        b".@__thumb",
        b".streams",
    }
    | {
        b".stversions",
        b".stignore",
        b".dropbox",
        b".dropbox.cache",
        b".dropbox.attr",
        b".sync",
        b".owncloudsync.log",
        b".csync_journal.db",
    }
    | {b".nextcloudsync.log", b".tmp.drivedownload", b".tmp.driveupload"}
)
_SYSTEM_STARTS: Final = (b".trash-", b".fuse_hidden", b".nfs0", b"._sync_", b".sync_")

_UNFINISHED_ENDINGS: Final = frozenset(
    b"." + ending
    for ending in (
        b"part partial partfile filepart crdownload download opdownload fdmdownload unconfirmed crswap downloading incomplete "
        b"tmp temp aria2 aria2__temp ytdl dtapart dctmp !qb !ut !bt bc! jc! ob! !sync bts td xltd tdownload xldownload azureus! "
        b"getright idmdownload mega laccdb swp swo swx syncpart"
    ).split()
)
_UNFINISHED_STARTS: Final = (
    b"~$",
    b".~lock.",
    b"~wrl",
    b"~wrd",
    b".goutputstream-",
    b".getxfer.",
    b".syncthing.",
    b"~syncthing~",
    b".#",
)
_SUSPICIOUS: Final = frozenset(b".~#")
"""First bytes of the names that need more than two look-ups."""
_SYSTEM_TAILS: Final = frozenset(name[name.find(b".", 1) :] for name in _SYSTEM_NAMES)
_MOST_TAILS: Final = 10_000

_MOST_DOUBLE_STARS: Final = 3
_TRAILING_STARS = re.compile(r"/\*\*(/?)\Z")
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
_STAR_PIECE = re.compile(r"\0\*([^/]*?)(?=\0\*)")


def is_control(name: bytes) -> bool:
    """Say whether ``name`` is the control directory: never scanned, never listed, also where case doesn't matter."""
    return name.lower() == model.CONTROL_DIRECTORY


class Ignoring:
    """Says of every name in a walk whether it is left alone, and why."""

    def __init__(self, exclude: Sequence[str], *, include_hidden: bool) -> None:
        """Compile ``exclude``: lines in gitignore syntax, relative to the root; the last that matches decides.

        Bytes that aren't UTF-8 are matched as surrogate escapes. Raises
        ``errors.InvalidOption`` for a pattern that could never match anything.
        """
        self._include_hidden = include_hidden
        self._by_path = any("/" in line.strip().rstrip("/") for line in exclude)
        self._runs = _compiled(exclude)
        self._plain: set[bytes] = set()
        """Tails (all from the first dot on) of names that nothing speaks against, unless they begin suspiciously."""

    def suspects(self, names: Iterable[bytes]) -> list[bytes]:
        """Those of the names for which ``reason`` has to be asked; the others have none.

        A name without a dot always is one: its tail, the last byte, is never a plain one.
        """
        plain, odd = self._plain, _SUSPICIOUS
        return [name for name in names if name[name.find(b".", 1) :] not in plain or name[0] in odd]

    def reason(self, name: bytes, path: bytes, is_folder: bool) -> Reason | None:
        """Say why ``name`` is left alone; None: it isn't.

        ``path`` is relative to the root and ends in ``name``. A folder with a
        reason isn't entered, so that nothing below it is ever asked about. The
        control directory is a system file.
        """
        low = name.lower()
        if low in _SYSTEM_NAMES or low[low.rfind(b".") :] in _UNFINISHED_ENDINGS or low[0] in _SUSPICIOUS:
            special = self._special(low)
            if special is not None:
                return special
        if not self._runs:
            self._learn(name)
        elif self._excluded(name, path, is_folder):
            return Reason.EXCLUDED
        return None

    def _learn(self, name: bytes) -> None:
        """Remember that nothing speaks against names with the tail of this one, where that is so. Without excludes only."""
        tail = name[name.find(b".", 1) :]
        if tail[0] == 0x2E and tail.lower() not in _SYSTEM_TAILS and len(self._plain) < _MOST_TAILS:
            self._plain.add(tail)

    def _special(self, low: bytes) -> Reason | None:
        """Look closer at a name, given in lower case."""
        if low in _SYSTEM_NAMES or low.startswith(_SYSTEM_STARTS):
            return Reason.SYSTEM_FILE
        if low[low.rfind(b".") :] in _UNFINISHED_ENDINGS or low.startswith(_UNFINISHED_STARTS):
            return Reason.UNFINISHED
        if low[0] == 0x23 and low[-1] == 0x23 and len(low) > 2:  # '#draft#': what Emacs saves by itself
            return Reason.UNFINISHED
        return Reason.HIDDEN if low[0] == 0x2E and not self._include_hidden else None

    def excludes(self, name: bytes, path: bytes) -> bool:
        """Say whether the user excludes a file, whatever else is a reason to leave it alone."""
        return bool(self._runs) and self._excluded(name, path, False)

    def _excluded(self, name: bytes, path: bytes, is_folder: bool) -> bool:
        """Say whether the last exclude that matches this very path is a positive one, as git does."""
        # Without a slash in any pattern the name decides: shorter to match than the path.
        text = (path if self._by_path else name).decode("utf-8", "surrogateescape")
        if is_folder:
            text += "/"
        for positive, regex in self._runs:
            if regex.match(text):
                return positive
        return False


def _compiled(exclude: Sequence[str]) -> list[tuple[bool, re.Pattern[str]]]:
    """Compile the lines into as few regular expressions as their order allows, the last lines first."""
    runs: list[tuple[bool, list[str]]] = []
    for line in reversed(exclude):
        if not line.strip() or line.startswith("#"):
            continue
        positive, regex = _translated(line)
        if not runs or runs[-1][0] != positive:
            runs.append((positive, []))
        runs[-1][1].append(regex)
    return [(positive, _regex("|".join(regexes))) for positive, regexes in runs]


def _translated(line: str) -> tuple[bool, str]:
    """Translate one line into its sign and a regular expression for a whole path (a folder's ends in ``/``)."""
    # Imported here: it costs every start of the command line 20 ms, and most walks have no excludes.
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    if line.count("**") > _MOST_DOUBLE_STARS:
        raise _refused(line, f"has more than {_MOST_DOUBLE_STARS} '**', which could take hours for one path")
    # 'x/**' is what is in x, not x itself; said so, pathspec doesn't prune x before a later '!x/y' is seen.
    pattern = _TRAILING_STARS.sub(r"/**/*\1", line if line.rstrip().endswith("\\") else line.rstrip())
    try:
        regex, positive = GitIgnoreSpecPattern.pattern_to_regex(pattern)
        if regex is None or positive is None or "\0" in line or "[[:" in line:
            raise ValueError(line)
        finished = _finished(regex)
        _regex(finished)
    except (ValueError, re.error):
        examples = "'*.log', 'build/', '/only-at-the-top', '!but-not-this'"
        raise _refused(line, f"can't match anything. Patterns are those of .gitignore: {examples}") from None
    return positive, finished


def _refused(line: str, why: str) -> errors.InvalidOption:
    """Make the error for a pattern."""
    shown = errors.show(line.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    return errors.InvalidOption(f"The exclude pattern {shown!r} {why}.")


def _regex(text: str) -> re.Pattern[str]:
    """Compile a translated pattern; raises ``re.error`` for a range such as ``[z-a]``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # '[[]' is fine in a gitignore pattern
        return re.compile(text, re.DOTALL)


def _finished(regex: str) -> str:
    """Make an expression of pathspec's match this path only, not what is below it, and in polynomial time.

    Folders are pruned, so what is below never comes; and a star before another
    star needs no second try, or 'a*a*a*a*a*b' would take hours for one name.
    """
    regex = _NAMED_GROUP.sub("(?:", regex).replace("[^/]", "\0")
    regex = _STAR_PIECE.sub(r"(?>" "\0" r"*?\1)", regex).replace("\0", "[^/]")
    start = "" if regex.startswith("^") else ".*"
    return f"(?:{start}{regex}\\Z)"


def in_use(guards: Iterable[bytes], names: Collection[bytes]) -> set[bytes]:
    """Name the files of one folder that somebody is still writing or editing, as the ``guards`` beside them show.

    ``guards`` are the names of that folder with the reason UNFINISHED, ``names``
    (best a set) all its names: ``film.mkv.part`` and ``film.mkv.aria2`` guard
    ``film.mkv`` (Firefox and aria2 make the final name first),
    ``.~lock.report.odt#`` guards ``report.odt``, ``~$report.docx`` too.
    """
    found: set[bytes] = set()
    owners: set[bytes] = set()
    for guard in guards:
        if guard.startswith(b"~$"):
            owners.add(guard[2:])
        found.update(name for name in _guarded(guard) if name in names)
    if owners:
        # Word replaces the first two letters of a long name by '~$'.
        found.update(name for name in names if name[2:] in owners and not name.startswith(b"~$"))
    return found


def _guarded(guard: bytes) -> tuple[bytes, ...]:
    """Give the names that ``guard`` may stand beside."""
    if guard.startswith(b".~lock.") and guard.endswith(b"#"):
        return (guard[7:-1],)
    if guard.startswith((b"~$", b".#")):
        return (guard[2:],)
    if guard.startswith(b"#"):
        return (guard[1:-1],)
    stem, _, ending = guard.rpartition(b".")
    if ending.lower() in (b"swp", b"swo", b"swx"):
        return (stem[1:],)
    if ending.lower() == b"laccdb":
        return (stem + b".accdb",)
    return (stem,)


_MARKERS: Final[dict[bytes, str]] = {
    b".keep-together": "marked with .keep-together",
    b".git": "git checkout",
    b".hg": "Mercurial checkout",
    b".svn": "Subversion checkout",
    b".bzr": "Bazaar checkout",
    b"_darcs": "Darcs checkout",
    b".fslckout": "Fossil checkout",
    b".jj": "Jujutsu checkout",
    b".pijul": "Pijul checkout",
    b"CVS": "CVS checkout",
    b"pyvenv.cfg": "Python virtual environment",
    b"conda-meta": "Conda environment",
    b"pyproject.toml": "Python project (pyproject.toml)",
    b"setup.py": "Python project (setup.py)",
    b"setup.cfg": "Python project (setup.cfg)",
    b"requirements.txt": "Python project (requirements.txt)",
    b"Pipfile": "Python project (Pipfile)",
    b"manage.py": "Django project (manage.py)",
    b"package.json": "Node project (package.json)",
    b"deno.json": "Deno project (deno.json)",
    b"tsconfig.json": "TypeScript project (tsconfig.json)",
    b"bower.json": "web project (bower.json)",
    b"Cargo.toml": "Rust project (Cargo.toml)",
    b"go.mod": "Go project (go.mod)",
    b"go.work": "Go workspace (go.work)",
    b"pom.xml": "Maven project (pom.xml)",
    b"build.gradle": "Gradle project (build.gradle)",
    b"build.gradle.kts": "Gradle project (build.gradle.kts)",
    b"settings.gradle": "Gradle project (settings.gradle)",
    b"settings.gradle.kts": "Gradle project (settings.gradle.kts)",
    b"build.xml": "Ant project (build.xml)",
    b"build.sbt": "Scala project (build.sbt)",
    b"composer.json": "PHP project (composer.json)",
    b"wp-config.php": "WordPress site (wp-config.php)",
    b"Gemfile": "Ruby project (Gemfile)",
    b"Rakefile": "Ruby project (Rakefile)",
    b"mix.exs": "Elixir project (mix.exs)",
    b"rebar.config": "Erlang project (rebar.config)",
    b"stack.yaml": "Haskell project (stack.yaml)",
    b"cabal.project": "Haskell project (cabal.project)",
    b"dune-project": "OCaml project (dune-project)",
    b"project.clj": "Clojure project (project.clj)",
    b"deps.edn": "Clojure project (deps.edn)",
    b"shard.yml": "Crystal project (shard.yml)",
    b"pubspec.yaml": "Dart project (pubspec.yaml)",
    b"Package.swift": "Swift package (Package.swift)",
    b"Podfile": "Xcode project (Podfile)",
    b"build.zig": "Zig project (build.zig)",
    b"CMakeLists.txt": "CMake project (CMakeLists.txt)",
    b"meson.build": "Meson project (meson.build)",
    b"configure.ac": "Autotools project (configure.ac)",
    b"SConstruct": "SCons project (SConstruct)",
    b"MODULE.bazel": "Bazel project (MODULE.bazel)",
    b"Makefile": "project with a Makefile",
    b"makefile": "project with a Makefile",
    b"GNUmakefile": "project with a Makefile",
    b"Justfile": "project with a Justfile",
    b"justfile": "project with a Justfile",
    b"platformio.ini": "PlatformIO project (platformio.ini)",
    b"project.godot": "Godot project (project.godot)",
    b"docker-compose.yml": "Compose project (docker-compose.yml)",
    b"docker-compose.yaml": "Compose project (docker-compose.yaml)",
    b"compose.yaml": "Compose project (compose.yaml)",
    b"compose.yml": "Compose project (compose.yml)",
    b"Dockerfile": "container build (Dockerfile)",
    b"Containerfile": "container build (Containerfile)",
    b"Vagrantfile": "Vagrant machine (Vagrantfile)",
    b"flake.nix": "Nix flake (flake.nix)",
    b"ansible.cfg": "Ansible project (ansible.cfg)",
    b"mkdocs.yml": "documentation project (mkdocs.yml)",
    b".idea": "IDE project (.idea)",
    b".vscode": "IDE project (.vscode)",
    b".project": "Eclipse project (.project)",
    b"nbproject": "NetBeans project (nbproject)",
    b"__init__.py": "Python package (__init__.py)",
    b".obsidian": "Obsidian vault",
    b"notebook.zim": "Zim notebook",
    b"VIDEO_TS": "DVD (VIDEO_TS)",
    b"AUDIO_TS": "DVD (AUDIO_TS)",
    b"HVDVD_TS": "HD DVD (HVDVD_TS)",
    b"BDMV": "Blu-ray disc (BDMV)",
    b"MPEGAV": "Video CD (MPEGAV)",
    b"DICOMDIR": "medical images (DICOMDIR)",
    b"index.theme": "icon or cursor theme (index.theme)",
    b"metadata.opf": "Calibre book (metadata.opf)",
    b"Ableton Project Info": "Ableton project",
    b"zotero.sqlite": "Zotero library",
    b"level.dat": "game world (level.dat)",
    b"PG_VERSION": "PostgreSQL data",
    b"ibdata1": "MySQL data",
    b"drive_c": "Wine prefix (drive_c)",
    b"AppRun": "application folder (AppRun)",
}
"""A child with this name → what its folder is; the first found is named."""

_COMBINATIONS: Final[tuple[tuple[frozenset[bytes], str], ...]] = (
    (frozenset({b"HEAD", b"objects", b"refs"}), "bare git repository"),
    (frozenset({b"cur", b"new", b"tmp"}), "mailbox (Maildir)"),
    (frozenset({b"config", b"data", b"index", b"snapshots"}), "restic repository"),
    (frozenset({b"README", b"config", b"data"}), "Borg repository"),
    (frozenset({b"prefs.js", b"places.sqlite"}), "browser profile"),
    (frozenset({b"Assets", b"ProjectSettings"}), "Unity project"),
    (frozenset({b"DESCRIPTION", b"NAMESPACE"}), "R package"),
    (frozenset({b"autoload", b"plugin"}), "Vim files (autoload, plugin)"),
    (frozenset({b"ftplugin", b"syntax"}), "Vim files (ftplugin, syntax)"),
    (frozenset({b"Help", b"Modules", b"Templates"}), "installed CMake (Help, Modules, Templates)"),
    (frozenset({b"bin", b"lib", b"share"}), "installed programs (bin, lib, share)"),
    (frozenset({b"bin", b"include", b"lib"}), "installed programs (bin, include, lib)"),
    (frozenset({b"Info.plist", b"Manifest.db"}), "device backup"),
)

_FOLDER_NAMES: Final[dict[bytes, str]] = {
    b"video_ts": "DVD (VIDEO_TS)",
    b"audio_ts": "DVD (AUDIO_TS)",
    b"hvdvd_ts": "HD DVD (HVDVD_TS)",
    b"bdmv": "Blu-ray disc (BDMV)",
    b"node_modules": "Node modules",
    b"bower_components": "web components",
    b"site-packages": "installed Python packages",
    b"dist-packages": "installed Python packages",
    b"__pycache__": "Python cache",
    b"__macosx": "resource forks of an archive (__MACOSX)",
    b"lc_messages": "translations of programs (LC_MESSAGES)",
    b"steamapps": "Steam library",
    b"backups.backupdb": "Time Machine backup",
}

_PACKAGES: Final[dict[bytes, str]] = {
    b"." + ending.encode(): f"{phrase} (.{ending})"
    for phrase, endings in {
        "application": "app appdir",
        "bundle": "bundle framework plugin kext prefpane qlgenerator mdimporter component vst vst3 lv2 clap xpc appex dsym",
        "photo library": "photoslibrary aplibrary migratedphotolibrary photolibrary cocatalog cosessiondb",
        "Lightroom data": "lrdata lrcat-data lrlibrary lrplugin",
        "media library": "musiclibrary tvlibrary",
        "video project": "fcpbundle fcpproject imovielibrary imovieproject imovieeventlibrary rcproject theater",
        "music project": "logicx logic band garageband",
        "document": "pages numbers key rtfd scriv scrivx graffle oo3 textbundle tbx dtbase2 webarchive ulysses playground mindnode epub",
        "Xcode project": "xcodeproj xcworkspace xcassets xcdatamodeld xcarchive xcframework",
        "virtual machine": "pvm vmwarevm utm vmbundle",
        "disk image": "sparsebundle backupbundle",
        "Python package data": "dist-info egg-info egg",
        "mailbox": "mbox",
        "installer": "pkg mpkg",
        "DVD": "dvdmedia",
    }.items()
    for ending in endings.split()
}
"""The ending of a folder's own name, lower case → what it is."""

_PROJECT_FILES: Final[dict[bytes, str]] = {
    b"." + ending.encode(): f"{phrase} (*.{ending})"
    for phrase, endings in {
        "Visual Studio project": "sln slnx csproj vbproj fsproj vcxproj",
        "Xcode project": "xcodeproj xcworkspace",
        "Unreal project": "uproject",
        "R project": "rproj",
        "Haskell project": "cabal",
        "workspace": "code-workspace",
        "Delphi project": "dproj",
        "Qt project": "qbs",
        "KiCad project": "kicad_pro",
        "music project": "als ptx cpr rpp ardour logicx aup3 aup",
        "video project": "prproj aep drp veg kdenlive mlt fcpxml",
        "Lightroom catalogue": "lrcat",
        "virtual machine": "vmx vbox",
        "map project": "qgz qgs gdb",
    }.items()
    for ending in endings.split()
}
"""The ending of a child's name, lower case → what the folder is."""

_MODULES: Final[dict[bytes, str]] = {
    b".pm": "Perl modules (*.pm)",
    b".rb": "Ruby modules (*.rb)",
    b".lua": "Lua modules (*.lua)",
    b".ex": "Elixir modules (*.ex)",
    b".hs": "Haskell modules (*.hs)",
    b".rs": "Rust modules (*.rs)",
}
"""The ending of a source file that has the parts of its module beside it, in a folder of the same name → what the folder is."""

_MARKER_NAMES: Final = frozenset(_MARKERS)
_PROJECT_ENDINGS: Final = frozenset(_PROJECT_FILES)
_WEB_PARTS: Final = frozenset(
    {b"css", b"js", b"assets", b"static", b"style.css", b"styles.css", b"script.js", b"main.js", b"app.js"}
)
_PROGRAM: Final = frozenset({b".exe", b".dll"})


def whole_folder(name: bytes, children: AbstractSet[bytes]) -> str | None:
    """Say, as a short phrase, why the folder ``name`` with these children is one thing; None: its files stand for themselves.

    Not to be asked about the root itself: one stray ``package.json`` would keep
    all of somebody's Downloads together.
    """
    if not _MARKER_NAMES.isdisjoint(children):
        return next(phrase for marker, phrase in _MARKERS.items() if marker in children)
    low = name.lower()
    phrase = _FOLDER_NAMES.get(low) or _PACKAGES.get(low[low.rfind(b".") :] if low.rfind(b".") > 0 else b"")
    if phrase:
        return phrase
    for needed, what in _COMBINATIONS:
        if needed <= children:
            return what
    return _by_endings(name, children)


def _by_endings(name: bytes, children: AbstractSet[bytes]) -> str | None:
    """Judge by the endings of the children, and by what only means something together."""
    if b"index.html" in children and not _WEB_PARTS.isdisjoint(children):
        return "website (index.html)"
    if name + b".ino" in children:
        return "Arduino sketch"
    endings = set(map(bytes.lower, {child[child.rfind(b".") :] for child in children}))
    if not _PROJECT_ENDINGS.isdisjoint(endings):
        return next(phrase for ending, phrase in _PROJECT_FILES.items() if ending in endings)
    for ending, phrase in _MODULES.items():
        if ending in endings and any(
            child.endswith(ending) and child[: -len(ending)] in children for child in children
        ):
            return phrase
    return "program (.exe with .dll)" if endings >= _PROGRAM else None
