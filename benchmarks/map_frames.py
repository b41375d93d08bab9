"""How long a frame of the web app's map takes, with 200,000 points in headless Chromium that draws without a graphics card.

python benchmarks/map_frames.py --points 200000 [--json] [--keep FOLDER.space] [--pictures FOLDER]

A Space of made-up passages with a made-up map is served as `semascope serve` serves it. In the page every frame gets one
event of a hand (a move, a turn of the wheel) until the part is over. A frame's time is from one animation frame of the
browser to the next, whatever delays it: script, layout, painting, other programs. It is 16.7 ms where the browser keeps up
with a screen of 60 Hz. What drawing alone takes is timed around `Plane.draw`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FLAGS = ("--disable-gpu", "--disable-background-networking", "--disable-extensions", "--no-first-run")
REGIONS = 60
LABELS = ("news", "science", "sport", "law", "recipes", "music", "travel", "forum")
SCREENS = ((1440, 900, 1), (1440, 900, 2), (390, 844, 2))

# One part after the other; `step(turn)` is what a hand does before the frame of that number.
WATCH = """async () => {
  const { Plane } = await import(new URL('app/shared/plane.js', document.baseURI).href);
  const draws = [], plain = Plane.prototype.draw;
  Plane.prototype.draw = function () { const began = performance.now(); plain.call(this); draws.push(performance.now() - began); };
  const canvas = document.querySelector('.sheet canvas'), box = canvas.getBoundingClientRect();
  const at = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, { pointerId: 1, isPrimary: true, pointerType: 'mouse', bubbles: true, cancelable: true,
    button: kind === 'pointermove' ? -1 : 0, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
  const wheel = (by) => canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: by, bubbles: true, cancelable: true, clientX: box.left + 0.45 * box.width, clientY: box.top + 0.5 * box.height }));
  const frame = () => new Promise((go) => requestAnimationFrame(go)), rest = (ms) => new Promise((go) => setTimeout(go, ms));
  const circle = (t, wide = 0.2) => [0.5 + wide * Math.sin(t / 6), 0.5 + wide * 0.8 * Math.cos(t / 5)];
  const press = (name) => document.querySelector(`button[aria-label^="${name}"]`).click();
  const out = {};
  const part = async (name, many, step) => {
    await rest(600);
    let last = await frame();
    draws.length = 0;
    const frames = [];
    for (let turn = 0, over = false; turn < many && !over; turn++) { over = step(turn) === "over"; const now = await frame(); frames.push(now - last); last = now; }
    out[name] = { frames, draws: draws.slice() };
  };
  at('pointerdown', 0.5, 0.66);
  await part('pan the whole map', 90, (t) => at('pointermove', ...circle(t)));
  at('pointerup', ...circle(89));
  press('Show the whole map');
  await part('zoom in', 90, () => wheel(-40));
  at('pointerdown', 0.5, 0.66);
  await part('pan, zoomed in', 90, (t) => at('pointermove', ...circle(t)));
  at('pointerup', ...circle(89));
  await part('zoom out', 90, () => wheel(40));
  press('Show the whole map');
  await part('hover', 90, (t) => at('pointermove', 0.2 + 0.006 * t, 0.5 + 0.1 * Math.sin(t / 4)));
  press('Select with a lasso');
  at('pointerdown', 0.8, 0.5);
  await part('draw a lasso', 90, (t) => at('pointermove', 0.5 + 0.3 * Math.cos(t / 14), 0.5 + 0.3 * Math.sin(t / 14)));
  await part('let the lasso go', 30, (t) => { if (t === 0) at('pointerup', 0.8, 0.5); });
  press('Move the map');
  at('pointerdown', 0.5, 0.66);
  await part('pan with a selection', 90, (t) => at('pointermove', ...circle(t)));
  at('pointerup', ...circle(89));
  const by = document.getElementById('map-by');
  // The next colour when the last one was drawn; its column is asked of the server first.
  let changes = 0, from = 0, since = -12, waiting = false;
  await part('change the colour', 1_200, (t) => {
    if (draws.length > from) { from = draws.length; since = t; waiting = false; }
    if (waiting || t < since + 12) return false;
    if (changes === 4) return "over";
    changes++;
    waiting = true;
    by.selectedIndex = (by.selectedIndex + 1) % by.options.length;
    by.dispatchEvent(new Event('change'));
    return false;
  });
  return out;
}"""


def made_up(points: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places (points, 2) of regions of all sizes with tails, and the region of each (-1 for none), both in the order of regions."""
    rng = np.random.default_rng(seed)
    of = np.sort(rng.choice(REGIONS, points, p=rng.dirichlet(np.ones(REGIONS) * 1.2)))
    centres, wide, turn = (
        rng.normal(0, 1, (REGIONS, 2)),
        rng.uniform(0.03, 0.16, REGIONS),
        rng.uniform(0, np.pi, REGIONS),
    )
    along = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    places = centres[of] + rng.standard_t(4, (points, 2)) * 0.7 * wide[of][:, None]
    places += along[of] * (rng.normal(0, 1.2, points) * wide[of])[:, None]
    alone = rng.random(points) < 0.03
    places[alone] = rng.uniform(-2.5, 2.5, (int(alone.sum()), 2))
    of[alone] = -1
    low, high = np.quantile(places, [0.0005, 0.9995], axis=0)
    return np.clip(places, low, high), of


def make_space(folder: Path, points: int) -> None:
    """A Space of as many short passages, with a map."""
    from semascope.look.atlas import Atlas, Region, keep_atlas
    from semascope.look.payload import densest, turned
    from semascope.ops import Interval
    from semascope.space import Space

    rng = np.random.default_rng(1)
    places, of = made_up(points)
    flat, span = turned(places)
    words = ["".join(rng.choice(list("etaoinshrdlu"), 6)) for _ in range(2_000)]
    drawn = rng.integers(0, len(words), (points, 9))
    texts = [" ".join(words[at] for at in row) for row in drawn]
    labels = rng.choice(len(LABELS), points)
    notes = [
        {"topic": LABELS[label], "when": f"{2000 + int(day) // 12}-{1 + int(day) % 12:02d}-01"}
        for label, day in zip(labels, rng.integers(0, 300, points), strict=True)
    ]
    x = rng.standard_normal((points, 8)).astype(np.float32)
    with Space.from_arrays(x, texts, metadata=notes, path=folder) as space:
        name, passport = space.encoding().name, space.encoding().passport.id
        passages = space.numbers(name)
    groups = [
        Region(number, words[3 * number : 3 * number + 8], int((of == number).sum()), Interval(0.8, 0.7, 0.9, points), number % 6 != 5,
               tuple(densest(flat[of == number])), np.flatnonzero(of == number)[:60].tolist())
        for number in range(REGIONS) if (of == number).sum() > 1
    ]  # fmt: skip
    near = ((np.arange(points)[:, None] + np.arange(1, 16)) % points).astype(np.int32)
    spans = np.array([(0, len(text)) for text in texts], np.int32)
    atlas = Atlas(name, "2026-01-01T00:00:00+00:00", 1, passport, span, groups, Interval(0.9, 0.89, 0.91, 2_000), "Made up.",
                  np.ascontiguousarray(flat.T), passages, np.asarray(passages), spans, of.astype(np.int16), near)  # fmt: skip
    keep_atlas(folder, atlas)


class Serving:
    """A server over a Space in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        from semascope.serve.running import Running
        from semascope.serve.settings import Settings
        from semascope.space import Space

        self.running = Running(Settings(port=0), {}, Space.open(folder))
        self.ready = threading.Event()
        self.thread = threading.Thread(
            target=lambda: asyncio.run(self.running.serve(lambda _: self.ready.set())), daemon=True
        )

    def __enter__(self) -> str:
        self.thread.start()
        if not self.ready.wait(60):
            raise SystemExit("the server did not start")
        return self.running.address

    def __exit__(self, *_: object) -> None:
        self.running.stop()
        self.thread.join(30)


def watch(address: str, screens: Sequence[tuple[int, int, int]], pictures: Path | None) -> dict[str, Any]:
    """The frames of every part, on every screen."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("chromium: want one on the path, got none (apt-get install chromium)")
    flags = [*FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    found: dict[str, Any] = {"flags": flags, "screens": []}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=flags)
        found["chromium"] = browser.version
        for wide, high, dense in screens:
            page = browser.new_context(viewport={"width": wide, "height": high}, device_scale_factor=dense).new_page()
            page.set_default_timeout(120_000)
            began = time.monotonic()
            page.goto(f"{address}?view=map")
            page.wait_for_selector('[data-view-ready="map"]')
            shown = time.monotonic() - began
            if pictures:
                page.wait_for_timeout(500)
                page.screenshot(path=pictures / f"map-{wide}-{dense}.png")
            parts = page.evaluate(WATCH)
            size = page.evaluate("(({ width, height }) => [width, height])(document.querySelector('.sheet canvas'))")
            found["screens"].append({"screen": [wide, high], "density": dense, "canvas": size, "shown_after_s": round(shown, 2),
                                     "parts": {name: summed(one) for name, one in parts.items()},
                                     "all": summed({key: [ms for one in parts.values() for ms in one[key]] for key in ("frames", "draws")})})  # fmt: skip
            page.context.close()
        browser.close()
    return found


def summed(one: dict[str, list[float]]) -> dict[str, Any]:
    """n, median, 95th percentile and the worst, in ms."""
    out = {}
    for key, values in one.items():
        held = np.array(values or [0.0])
        out[key] = {
            "n": len(values),
            "median": round(float(np.median(held)), 1),
            "p95": round(float(np.quantile(held, 0.95, method="higher")), 1),
            "worst": round(float(held.max()), 1),
        }
    return out


def told(found: dict[str, Any]) -> None:
    print(
        f"{found['points']:,} points; Chromium {found['chromium']} {' '.join(found['flags'])}; load {found['load'][0]:.1f} on {found['cores']} cores"
    )
    for screen in found["screens"]:
        wide, high = screen["screen"]
        print(
            f"\n{wide} x {high}, {screen['density']} pixels each way, canvas {screen['canvas'][0]} x {screen['canvas'][1]}, shown after {screen['shown_after_s']:.2f} s"
        )
        print(
            f"  {'ms':24}{'frames':>8}{'median':>8}{'p95':>8}{'worst':>8}{'drawings':>12}{'median':>8}{'p95':>8}{'worst':>8}"
        )
        for name, one in [*screen["parts"].items(), ("all", screen["all"])]:
            frames, draws = one["frames"], one["draws"]
            print(
                f"  {name:24}"
                + "".join(f"{frames[key]:>8}" for key in ("n", "median", "p95", "worst"))
                + f"{draws['n']:>12}"
                + "".join(f"{draws[key]:>8}" for key in ("median", "p95", "worst"))
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", type=Path, help="make the Space here, and take it from here where it is already")
    parser.add_argument("--pictures", type=Path, help="a folder for a screenshot of each screen")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder) / "points.space"
        if not place.exists():
            make_space(place, given.points)
        with Serving(place) as address:
            found = watch(address, SCREENS, given.pictures)
    found |= {"points": given.points, "load": os.getloadavg(), "cores": os.cpu_count()}
    if given.json:
        print(json.dumps(found))
    else:
        told(found)


if __name__ == "__main__":
    main()
