"""Whether people who do not see, or do not point, can use the whole app: axe-core and the tab key over every view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from browser import PHONE, WIDE, Heard, opened, sync_api_needed
from serving import Served
from whole import whole_space

from semascope.space import Space

pytest.importorskip("axe_playwright_python", reason="it carries axe-core; pip install axe-playwright-python")
pytestmark = sync_api_needed
Page = Any
# Every view in every state that looks different. {small} is the encoding by a transformer, {report} a kept report.
STATES = {
    "search, empty": "",
    "search": "?q=fresh+bread",
    "search by words": "?q=bread+oven&mode=lexical",
    "search, dialled": "?q=fresh+bread&dials=text:garden*1",
    "search, filtered": "?q=bread&where=year%3E%3D2020",
    "search, nothing found": "?q=xylophagous&mode=lexical",
    "a document": "?q=fresh+bread&doc=d7",
    "map": "?view=map",
    "map by label": "?view=map&by=label&q=train",
    "map, none yet": "?view=map&enc={small}",
    "inside, empty": "?view=inside",
    "concepts": "?view=inside&of=d7",
    "concepts, none yet": "?view=inside&q=bread&enc={small}",
    "dials": "?view=inside&q=bread&part=dials&dials=text:garden*1;group:0*-0.5",
    "layers": "?view=inside&q=fresh+bread+from+the+oven&part=lens&enc={small}",
    "no layers": "?view=inside&q=bread&part=lens",
    "pair": "?view=inside&of=d1&part=pair",
    "inside, unknown": "?view=inside&of=nothing+of+that+name",
    "report": "?view=report",
    "one report": "?view=report&name={report}",
}
# Those of every run; the rest is slow.
FIRST = (
    "search",
    "map",
    "dials",
    "layers",
    "one report",
    "a document",
    "concepts",
    "pair",
    "report",
    "inside, unknown",
)
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
LOOKS = [(size, scheme) for size in ("desk", "phone") for scheme in ("light", "dark")]


@cache
def axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of a server over a Space that has everything, and the names that states need."""
    place, report = whole_space(tmp_path_factory)
    with Space.open(place) as space:
        small = next(one.name for one in space.encodings() if not one.current)
    with Served(place, {}) as served:
        yield {"address": served.address, "small": small, "report": report}


def at(page: Page, known: dict[str, str], state: str) -> None:
    """Go to a state and wait until nothing moves any more."""
    page.goto(f"{known['address']}/{STATES[state].format(**known)}")
    page.wait_for_selector("html[data-ready=yes]")
    page.wait_for_selector(".view:not([hidden])[data-view-ready]")
    page.wait_for_function("() => !document.querySelector('.view:not([hidden]) [aria-busy]')")
    if "doc=" in STATES[state]:
        page.wait_for_selector("dialog[open]")


def serious(page: Page, known: dict[str, str], states: Iterable[str], only: tuple[str, ...] = ()) -> list[str]:
    """What axe calls serious or critical in these states."""
    found: list[str] = []
    for state in states:
        at(page, known, state)
        page.evaluate(axe())
        how = {"resultTypes": ["violations"], **({"runOnly": only} if only else {})}
        for one in page.evaluate("how => axe.run(document, how)", how)["violations"]:
            if one["impact"] in ("serious", "critical"):
                found += [f"{state}: {one['id']}: {node['html'][:120]}" for node in one["nodes"][:3]]
    return found


def looked(browser: Any, size: str, scheme: str) -> Page:
    return opened(browser, Heard(), WIDE if size == "desk" else PHONE, color_scheme=scheme, reduced_motion="reduce")


@pytest.mark.parametrize("first", [0, 1])
def test_axe_finds_nothing_serious_in_any_view(browser: Any, known: dict[str, str], first: int) -> None:
    # Half of them on a desk by day, the other half on a phone at night.
    page = looked(browser, *("phone", "dark") if first else ("desk", "light"))
    assert serious(page, known, FIRST[first::2], WCAG) == []
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_serious_in_any_look(browser: Any, known: dict[str, str], size: str, scheme: str) -> None:
    page = looked(browser, size, scheme)
    assert serious(page, known, STATES) == []
    page.context.close()


FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  window.stops ??= [];
  if (!window.stops.includes(one)) window.stops.push(one);
  const box = one.getBoundingClientRect(), drawn = (node) => { const style = getComputedStyle(node); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0; };
  let seen = false;
  for (let node = one, up = 0; node && up < 3 && !seen; node = node.parentElement, up += 1) seen = drawn(node) || (up === 0 && node.nextElementSibling && node.matches('input[type=radio]') && drawn(node.nextElementSibling));
  return { number: window.stops.indexOf(one), says: one.outerHTML.slice(0, 120), range: one.type === 'range', seen, x: box.x, y: box.y + scrollY, wide: box.width, high: box.height };
}"""
MOST = 160


def walk(page: Page) -> list[dict[str, Any]]:
    """Where the tab key stops, from the top of the page until it leaves it or comes round."""
    page.evaluate("window.stops = []; document.activeElement?.blur(); scrollTo(0, 0)")
    stops: list[dict[str, Any]] = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or (stop["number"] < len(stops) and stops):
            return stops
        stops.append(stop)
    return stops


@pytest.mark.parametrize(
    "state",
    [
        *("search", "map", "dials", "layers", "report"),
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("concepts", "pair", "one report", "inside, empty")),
    ],
)
def test_the_tab_key_reaches_every_control_once_is_never_caught_and_is_always_seen(
    browser: Any, known: dict[str, str], state: str
) -> None:
    page = opened(browser, Heard(), WIDE, reduced_motion="reduce")
    at(page, known, state)
    stops = walk(page)
    assert 5 < len(stops) < MOST
    assert [stop["says"] for stop in stops if not (stop["seen"] or stop["range"])] == []
    # Within the header and within the view the order is that of the page.
    ordered = page.evaluate(
        "window.stops.every((one, at, all) => !at || all[at - 1].compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING)"
    )
    assert ordered
    reachable = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((one) =>
          one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }) && !(one.type === 'radio' && !one.checked)
          && !window.stops.includes(one)).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert reachable == []
    page.context.close()


def test_a_dialog_keeps_the_focus_and_gives_it_back(browser: Any, known: dict[str, str]) -> None:
    page = opened(browser, Heard(), WIDE, reduced_motion="reduce")
    at(page, known, "search")
    page.focus("#help")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.id") == "help"
    page.context.close()


def contrast(page: Page, ink: str, paper: str) -> float:
    """Of two colours as the page has them, as WCAG measures it."""
    return page.evaluate(
        """([ink, paper]) => {
          const pen = new OffscreenCanvas(1, 1).getContext('2d');
          const light = (colour) => {
            pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const [low, high] = [light(ink), light(paper)].sort((x, y) => x - y);
          return (high + 0.05) / (low + 0.05);
        }""",
        [ink, paper],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_lit_can_still_be_read(browser: Any, known: dict[str, str], scheme: str) -> None:
    page = opened(browser, Heard(), WIDE, color_scheme=scheme, reduced_motion="reduce")
    at(page, known, "pair")
    # The most that a word can be lit, on the ground that it stands on; axe does not work mixed colours out.
    ink, paper = page.evaluate(
        """() => { const word = document.querySelector('.word'); word.style.setProperty('--share', 1);
          return [getComputedStyle(word).color, getComputedStyle(word).backgroundColor]; }"""
    )
    ground = page.evaluate("getComputedStyle(document.querySelector('.pair-sides .card')).backgroundColor")
    mixed = page.evaluate(
        """([over, under]) => { const pen = new OffscreenCanvas(1, 1).getContext('2d');
          for (const colour of [under, over]) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
          const [r, g, b] = pen.getImageData(0, 0, 1, 1).data; return `rgb(${r} ${g} ${b})`; }""",
        [paper, ground],
    )
    assert mixed != ground
    assert contrast(page, ink, mixed) >= 4.5
    at(page, known, "layers")
    for cell in page.locator(".lens-table td").all()[::5]:
        ink, paper = cell.evaluate("one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]")
        assert contrast(page, ink, paper) >= 4.5
    page.context.close()
