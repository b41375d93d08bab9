"""Modules that two pages share become one script, and only those that keep their meaning."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from semascope.errors import InputError
from semascope.report import MAP, plain_script, shared_script

WEB = files("semascope.report").joinpath("web")


def test_imports_by_name_go_and_exports_stay_as_what_they_declare() -> None:
    module = (
        'import { a, b } from "./other.js";\nexport const c = a + b;\nexport class D {}\nconst imported = "export";\n'
    )
    assert plain_script(module) == 'const c = a + b;\nclass D {}\nconst imported = "export";\n'


@pytest.mark.parametrize(
    "line",
    [
        'import { a as b } from "https://example.org/a.js";',
        'import * as a from "./a.js";',
        'import a from "./a.js";',
        "export default 3;",
        "export { a };",
        'const a = 1;\n  export * from "./a.js";',
    ],
)
def test_what_would_mean_something_else_in_one_script_is_refused(line: str) -> None:
    with pytest.raises(InputError, match="want imports by name"):
        plain_script(f"{line}\n")


def test_each_shared_module_stands_after_those_it_imports() -> None:
    for at, name in enumerate(MAP):
        source = WEB.joinpath(name).read_text(encoding="utf-8")
        wanted = set(re.findall(r'from "\./([a-z]+\.js)"', source))
        assert wanted <= set(MAP[:at]), name


def test_no_name_is_declared_twice_in_the_one_script() -> None:
    script = shared_script()
    declared = re.findall(r"^(?:const|class|function) ([A-Za-z]+)", script, re.MULTILINE)
    assert len(declared) == len(set(declared)) > 10
    assert not re.search(r"^\s*(?:import|export)\b", script, re.MULTILINE)
    assert "</script" not in script
    assert not re.search(r"innerHTML|\beval\(|fetch\(|import\(", script)
