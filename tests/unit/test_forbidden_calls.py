"""Only ``fileorganizer.fs`` may change a disk: everybody else asks it to, or a move could overwrite."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "src" / "fileorganizer"
FORBIDDEN = {
    "os": r"rename|renames|replace|unlink|remove|removedirs|rmdir|link|symlink|mkdir|makedirs|mknod|mkfifo"
    r"|f?truncate|[fl]?chmod|[fl]?chown|utime|(set|remove)xattr",
    "shutil": r"move|copy.*|rmtree|chown|(make|unpack)_archive",
}
IMPORTS = (ast.Import, ast.ImportFrom)
PATH_METHODS = r"rename|unlink|rmdir|mkdir|touch|write_bytes|write_text|chmod|lchmod|symlink_to|hardlink_to"
WRITING_FLAGS = r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)"


def changes_of_the_disk(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each place in ``source`` that would change a disk past ``fileorganizer.fs``."""
    tree = ast.parse(source)
    imports = [(node, alias) for node in ast.walk(tree) if isinstance(node, IMPORTS) for alias in node.names]
    names = {alias.asname or alias.name: alias.name for node, alias in imports if isinstance(node, ast.Import)}
    ours = {alias.asname or alias.name for node, alias in imports if "fileorganizer.fs" in ast.unparse(node)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=("os" | "shutil") as module) if any(
                re.fullmatch(FORBIDDEN[module], alias.name) for alias in node.names
            ):
                yield node.lineno, ast.unparse(node)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if names.get(name) in FORBIDDEN:
                if re.fullmatch(FORBIDDEN[names[name]], attr):
                    yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if not (
                isinstance(owner, ast.Name) and owner.id in ours | set(names)
            ):
                renaming = attr == "replace" and len(node.args) == 1 and not node.keywords  # str.replace takes two
                if renaming or re.fullmatch(PATH_METHODS, attr) or (attr == "open" and opens_to_write(node, mode_at=0)):
                    yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Name(id="open")) if opens_to_write(node, mode_at=1):
                yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="open")) if name in names:
                os_open = names[name] == "os"
                if re.search(WRITING_FLAGS, ast.unparse(node)) if os_open else opens_to_write(node, mode_at=1):
                    yield node.lineno, ast.unparse(node)


def opens_to_write(call: ast.Call, *, mode_at: int) -> bool:
    """Whether the mode of ``open`` lets it write; a mode that can't be read here counts as writing."""
    modes = [word.value for word in call.keywords if word.arg == "mode"] + call.args[mode_at : mode_at + 1]
    return any(not isinstance(mode, ast.Constant) or bool(set(str(mode.value)) & set("wax+")) for mode in modes)


def test_only_fs_changes_the_disk() -> None:
    """No module outside ``fs/`` holds a call that renames, removes, makes or writes."""
    modules = [path for path in ENGINE.rglob("*.py") if path.relative_to(ENGINE).parts[0] != "fs"]
    found = [
        f"{path.relative_to(ENGINE)}:{line}: {text}"
        for path in modules
        for line, text in changes_of_the_disk(path.read_text())
    ]
    assert modules and not found, "\n".join(found)


@pytest.mark.parametrize(
    "snippet",
    [
        "import os\nos.rename(a, b)",
        "import os as system\nsystem.replace(a, b)",
        "import os\nremove = os.unlink",
        "from os import makedirs",
        "import os\nos.open(a, os.O_WRONLY | os.O_CREAT)",
        "import io\nio.open(a, 'w')",
        "import shutil\nshutil.copytree(a, b)",
        "from shutil import move as shift",
        "path.replace(target)",
        "path.parent.mkdir(parents=True)",
        "path.write_bytes(b'')",
        "path.open('ab')",
        "path.open(mode=mode)",
        "open(path, 'w')",
    ],
)
def test_it_bites(snippet: str) -> None:
    """Each way around ``fs`` is reported."""
    assert list(changes_of_the_disk(snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "name.replace('a', 'b')",
        "dataclasses.replace(step, kind=1)",
        "open(path, 'rb')",
        "path.open()",
        "import os\nos.open(a, os.O_RDONLY)",
        "from fileorganizer.fs import beneath\nbeneath.mkdir(root, name)",
    ],
)
def test_it_lets_readers_pass(snippet: str) -> None:
    """What only reads, or asks ``fs``, isn't reported."""
    assert not list(changes_of_the_disk(snippet))
