"""The layout itself: short files, one method a file, public names that are what they say, nothing left behind."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from semascope.card import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "semascope"
FILES = sorted(SOURCE.rglob("*.py"))
METHODS = [path for family in FAMILIES for path in sorted((SOURCE / family).glob("[!_]*.py"))]
HEAVY = {
    *("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "pandas", "pyarrow"),
    *("tokenizers", "safetensors", "onnxruntime", "matplotlib", "faiss", "hnswlib"),
}
WRITTEN = (".py", ".md", ".toml", ".txt", ".jsonl", ".json", ".sh", ".cfg", ".yaml", "")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_level(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run at import: also those inside `if` and `try`, not those for type checkers."""
    found: list[ast.stmt] = []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        found.append(node)
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return found


def imported(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    return set()


def tracked() -> list[Path]:
    """Every file of the project that is text, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.suffix in WRITTEN and path.is_file()]


@pytest.mark.parametrize("path", FILES, ids=short)
def test_no_source_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=short)
def test_every_source_file_says_first_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body


@pytest.mark.parametrize("path", METHODS, ids=short)
def test_a_method_file_holds_one_public_class_and_ends_with_its_card(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    public = [
        node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert len(public) == 1
    last = body[-1]
    assert isinstance(last, ast.Assign)
    assert ast.unparse(last.targets[0]) == "CARD"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_nothing_heavy_is_imported_at_module_level(path: Path) -> None:
    at_import = set().union(*(imported(node) for node in module_level(ast.parse(path.read_text()))))
    assert not at_import & HEAVY
    assert "click" not in at_import or "cli" in path.parts


@pytest.mark.parametrize("path", FILES, ids=short)
def test_imports_are_absolute(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 0 for node in nodes)


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=short)
def test_every_name_in_all_is_there_once(path: Path) -> None:
    module = import_module(".".join(path.parent.relative_to(SOURCE.parent).parts))
    names = list(getattr(module, "__all__", []))
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(module, name)] == []


def test_a_room_that_only_gathers_names_exports_each_of_them() -> None:
    gathering = 0
    for path in FILES:
        body = ast.parse(path.read_text()).body
        if path.name != "__init__.py" or any(isinstance(node, ast.ClassDef | ast.FunctionDef) for node in body):
            continue
        brought = {
            alias.asname or alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        module = import_module(".".join(path.parent.relative_to(SOURCE.parent).parts))
        gathering += bool(brought)
        assert brought == set(getattr(module, "__all__", [])), short(path)
    assert gathering >= 3


@pytest.mark.parametrize("path", FILES, ids=short)
def test_nothing_is_left_to_do_later(path: Path) -> None:
    marks = re.findall(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", path.read_text())
    assert marks == []


def test_no_path_of_somebodys_machine_is_written_down() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w|/tmp/\w+/")
    # A test may invent a path to show that it is refused; it never needs one that exists.
    found = [f"{short(path)}: {match[0]}" for path in tracked() for match in machine.finditer(path.read_text("utf-8"))]
    assert found == []


def test_importing_semascope_imports_neither_numpy_nor_anything_heavier() -> None:
    script = "import sys, semascope; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {*HEAVY, "numpy", "click"}


def test_the_command_line_is_up_before_numpy_is_imported() -> None:
    script = (
        "import sys\nfrom semascope.cli import app\n"
        "try:\n    app.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.splitlines()[-1].split()) & {*HEAVY, "numpy"}
