"""Docstrings of the Python installed here as documents: parsed with `ast`, never imported."""

from __future__ import annotations

import ast
import os
import sysconfig
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import NamedTuple

from semascope.corpus.columns import nearest
from semascope.corpus.document import Document, clean
from semascope.corpus.problems import Meter, Problems
from semascope.errors import UnknownNameError
from semascope.ops import integer

SHORTEST = 20
LONGEST_TITLE = 120
LARGEST_FILE = 2_000_000
# Folders that hold tests, other projects' code or programs rather than documentation.
_OTHERS = "test tests idlelib idle_test lib2to3 turtledemo ensurepip site-packages dist-packages vendor vendored extern"
_SKIPPED = frozenset(_OTHERS.split())
# Pure Python twins of modules written in C: people know them by the public name.
_PUBLIC = {"_pydatetime": "datetime", "_pydecimal": "decimal", "_pyio": "io"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """A Python file: where it lies, its path from the root, the module it is."""

    path: Path
    name: str
    module: str


@dataclass(frozen=True, slots=True)
class PythonDocs:
    """Documents of the modules, classes, functions and methods under some roots.

    A document's id is the dotted name by the file where a thing is defined ("shutil.copytree",
    "email.message.Message.walk"), its title the signature, its text the docstring with its indentation taken away. Metadata:
    `kind` (module, class, function, method), `package`, `module`, `path` (from the root) and `line`.

    Left out: names with a leading underscore, tests, vendored copies, functions inside functions, docstrings shorter
    than 20 characters. Defined twice (overloads, setters, branches), the first with a docstring counts.

    Args:
        roots: Folders and the top-level names wanted in each; None wants all.
        limit: The most documents; None for no limit.
    """

    roots: tuple[tuple[Path, tuple[str, ...] | None], ...]
    limit: int | None = None

    @staticmethod
    def installed(packages: Sequence[str] | None, *, stdlib: bool, limit: int | None) -> PythonDocs:
        """The roots of this interpreter: its standard library, then its installed packages."""
        if limit is not None:
            limit = integer(limit, name="limit", least=1)
        paths = sysconfig.get_paths()
        roots: list[tuple[Path, tuple[str, ...] | None]] = []
        if stdlib:
            roots.append((Path(paths["stdlib"]), None))
        sites = [Path(site) for site in dict.fromkeys((paths["purelib"], paths["platlib"]))]
        if packages is None:
            roots.extend((site, None) for site in sites if site.is_dir())
        else:
            there = {name: site for site in reversed(sites) if site.is_dir() for name in _top_level(site)}
            for name in packages:
                if name not in there:
                    raise UnknownNameError(f"packages: no package {name!r} is installed{nearest(name, sorted(there))}")
                roots.append((there[name], (name,)))
        return PythonDocs(tuple(roots), limit)

    def documents(self, log: Problems, meter: Meter) -> Generator[Document]:
        """Documents file by file, in order of root and path."""
        seen: set[str] = set()
        for root, wanted in self.roots:
            for source in files(root, wanted):
                meter.done += _size(source.path)
                for document in read(source, log):
                    if document.id in seen:
                        continue
                    seen.add(document.id)
                    yield document
                    if len(seen) == self.limit:
                        return

    def measure(self) -> int:
        """Bytes of the files there are to parse."""
        return sum(_size(source.path) for root, wanted in self.roots for source in files(root, wanted))


def files(root: Path, wanted: tuple[str, ...] | None = None) -> Iterator[Source]:
    """The Python files under a root that belong to public modules, in order of path."""
    waiting = [(root, "")]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue  # a root that is not there, or not ours to read, documents nothing
        below: list[tuple[Path, str]] = []
        for entry in entries:
            stem, _, suffix = entry.name.partition(".")
            if not prefix and wanted is not None and stem not in wanted:
                continue
            if suffix == "py" and entry.is_file():
                name = f"{prefix}{entry.name}"
                module = _module(stem, prefix)
                if module:
                    yield Source(Path(entry.path), name, module)
            elif not suffix and _public(stem) and entry.is_dir(follow_symlinks=False):
                below.append((Path(entry.path), f"{prefix}{entry.name}/"))
        waiting.extend(reversed(below))


def read(source: Source, log: Problems) -> list[Document]:
    """The documents of one file; a file that cannot be read or parsed is reported and gives none."""
    try:
        if source.path.stat().st_size > LARGEST_FILE:
            log.note(source.name, f"more than {LARGEST_FILE:,} bytes; passed over")
            return []
        data = source.path.read_bytes()
        # Without a triple quote there is hardly a docstring worth the parsing, which is what takes the time.
        if b'"""' not in data and b"'''" not in data:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code are not ours to tell of
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        log.note(source.name, f"cannot be parsed ({type(error).__name__}); passed over")
        return []
    found: dict[str, Document] = {}
    _visit(tree, source, source.module, "module", found)
    return list(found.values())


def _visit(
    node: ast.Module | ast.ClassDef | _Function, source: Source, name: str, kind: str, found: dict[str, Document]
) -> None:
    text = ast.get_docstring(node, clean=False)
    if text is not None and name not in found:
        text = clean(cleandoc(text)).strip()
        if len(text) >= SHORTEST:
            found[name] = Document(
                id=name,
                text=text,
                title=clean(_title(name, node, kind)),
                metadata={
                    "kind": kind,
                    "package": source.module.partition(".")[0],
                    "module": source.module,
                    "path": clean(source.name),
                    "line": getattr(node, "lineno", 1),
                },
            )
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in _definitions(node.body):
            if not child.name.startswith("_"):
                below = "class" if isinstance(child, ast.ClassDef) else "function" if kind == "module" else "method"
                _visit(child, source, f"{name}.{child.name}", below, found)


def _definitions(body: Sequence[ast.stmt]) -> Iterator[ast.ClassDef | _Function]:
    """Classes and functions of a body, those under `if`, `try` and `with` included."""
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _definitions(statement.body)
            if not isinstance(statement, ast.With):
                yield from _definitions(statement.orelse)
            if isinstance(statement, ast.Try):
                for handler in statement.handlers:
                    yield from _definitions(handler.body)


def _title(name: str, node: ast.AST, kind: str) -> str:
    if isinstance(node, ast.ClassDef):
        maker = next((part for part in node.body if isinstance(part, _Function) and part.name == "__init__"), None)
        return name if maker is None else f"{name}({_signature(maker.args, LONGEST_TITLE - len(name), bound=True)})"
    if isinstance(node, _Function):
        marks = {mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)}
        if "property" in marks or "cached_property" in marks:
            return name
        bound = kind == "method" and "staticmethod" not in marks
        return f"{name}({_signature(node.args, LONGEST_TITLE - len(name), bound=bound)})"
    return name


def _signature(given: ast.arguments, room: int, *, bound: bool) -> str:
    """Names and defaults without annotations, as many as there is room for."""
    first = [*given.posonlyargs, *given.args]
    bare = len(first) - len(given.defaults)
    parts = [_parameter(arg, given.defaults[at - bare] if at >= bare else None) for at, arg in enumerate(first)]
    if given.posonlyargs:
        parts.insert(len(given.posonlyargs), "/")
    if bound and first:
        del parts[0]
        parts = parts[1:] if parts[:1] == ["/"] else parts
    if given.vararg is not None:
        parts.append(f"*{given.vararg.arg}")
    elif given.kwonlyargs:
        parts.append("*")
    parts += [_parameter(arg, default) for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg is not None:
        parts.append(f"**{given.kwarg.arg}")
    out: list[str] = []
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            out.append("...")
            break
        out.append(part)
    return ", ".join(out)


def _parameter(arg: ast.arg, default: ast.expr | None) -> str:
    if default is None:
        return arg.arg
    said = repr(default.value) if isinstance(default, ast.Constant) else ast.unparse(default)
    return f"{arg.arg}={said if len(said) <= 40 else '...'}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone since it was listed; reading it reports that


def _module(stem: str, prefix: str) -> str:
    """Dotted name of a file's module, empty where it is private or a test."""
    above = prefix.rstrip("/").replace("/", ".")
    if stem == "__init__":
        return above
    if not prefix and stem in _PUBLIC:
        return _PUBLIC[stem]
    if not _public(stem) or stem.startswith("test_") or stem.endswith("_test") or stem == "conftest":
        return ""
    return f"{above}.{stem}" if above else stem


def _public(stem: str) -> bool:
    return stem.isidentifier() and not stem.startswith("_") and stem not in _SKIPPED


def _top_level(site: Path) -> list[str]:
    """Names of the packages and modules that lie directly in a folder."""
    names: set[str] = set()
    with os.scandir(site) as listing:
        for entry in listing:
            stem, _, suffix = entry.name.partition(".")
            if _public(stem) and (suffix == "py" or (not suffix and entry.is_dir())):
                names.add(stem)
    return sorted(names)
