"""How large the page of `look` is, and how long it takes to show, to search and to move, in headless Chromium.

python benchmarks/page.py --rows 100000 [--data TEXTS.jsonl] [--page FILE.html]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "look"))

FRAMES = """async () => {
  const map = document.getElementById('map'), spent = [];
  let last = performance.now();
  for (let at = 0; at < 60; at++) {
    map.dispatchEvent(new KeyboardEvent('keydown', { key: at % 2 ? 'ArrowLeft' : 'ArrowRight' }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    spent.push(performance.now() - last);
    last = performance.now();
  }
  spent.sort((a, b) => a - b);
  return [spent[30], spent[57]];
}"""
SEARCH = """async (queries) => {
  const box = document.getElementById('query'), list = document.getElementById('panel-list'), spent = [];
  for (const query of queries) {
    box.value = query;
    box.dispatchEvent(new Event('input'));
    const began = performance.now() + 140;  // what the page waits for another letter
    await new Promise((done) => new MutationObserver((_, seen) => { seen.disconnect(); done(); }).observe(list, { childList: true }));
    spent.push(performance.now() - began);
  }
  return spent.sort((a, b) => a - b);
}"""


def made_up(rows: int, seed: int = 0) -> list[str]:
    """Texts of about 150 characters in a language that nobody speaks: the k-th commonest word in proportion to 1 / k."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(rng.choice(letters, int(size))) for size in rng.integers(3, 10, 30_000)]
    share = 1 / np.arange(1, len(words) + 1)
    return [" ".join(words[at] for at in row) for row in rng.choice(len(words), (rows, 22), p=share / share.sum())]


def cut_from(path: Path, rows: int, seed: int = 0) -> list[str]:
    """Stretches of 100 to 200 characters of real texts."""
    rng = np.random.default_rng(seed)
    texts = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    out = []
    for _ in range(rows):
        text = " ".join(texts[int(at)] for at in rng.integers(len(texts), size=2))
        start = int(rng.integers(0, max(1, len(text) - 160)))
        out.append(text[start : start + int(rng.integers(100, 200))])
    return out


def write(path: Path, texts: list[str]) -> None:
    from material import found

    from semascope import Encoder
    from semascope.look.page import look_page
    from semascope.look.search import make_search
    from semascope.ops import unit

    encoder = Encoder("default")
    x = unit(encoder.encode(texts))
    began = time.process_time()
    search = make_search(x, texts, encoder, fast=True)
    print(f"search made in {time.process_time() - began:.1f} CPU-s: {search.says}")
    many = found(len(texts), nasty=False)
    many = replace(many, subject=replace(many.subject, texts=texts, vectors=x), search=search)
    began = time.process_time()
    path.write_text(look_page(many), encoding="utf-8")
    print(
        f"page written in {time.process_time() - began:.1f} CPU-s: {len(texts):,} rows, {path.stat().st_size / 1e6:.1f} MB"
    )


def watch(path: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--disable-gpu", *root])
        for width, height in ((1440, 900), (390, 844)):
            page = browser.new_context(viewport={"width": width, "height": height}).new_page()
            began = time.monotonic()
            page.goto(path.resolve().as_uri())
            page.wait_for_selector("html[data-ready]")
            whole = time.monotonic() - began
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            slow = page.evaluate(FRAMES)
            found = page.evaluate(
                SEARCH, ["stock market", "heart surgery patients", "election of a president", "cheap flights"]
            )
            print(
                f"{width} x {height}: first paint {paint:.0f} ms, all of it ready {whole:.2f} s; a frame {slow[0]:.0f} ms "
                f"(95%: {slow[1]:.0f}); a search {found[1]:.0f} ms (slowest {found[-1]:.0f})"
            )
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--data", type=Path, help="JSONL with a text each; made-up words unless given")
    parser.add_argument("--page", type=Path, help="watch this page and make none")
    given = parser.parse_args()
    if given.page:
        watch(given.page)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        write(path, cut_from(given.data, given.rows) if given.data else made_up(given.rows))
        watch(path)


if __name__ == "__main__":
    main()
