"""How soon the web app shows the first results: from opening an address with a query to results on screen, in headless Chromium.

python benchmarks/first_results.py SPACE [--times 8] [--json]

The server is warm (it has passed its self-test and answered once). "Fresh" is a browser that has nothing of the app yet, "again" one
that has its files. Words are lit a little later: that is the third row.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent))
from serve._measure import free_port, server

QUESTIONS = (
    "read a csv file",
    "ask the user for a password",
    "sort numbers",
    "open an archive",
    "draw winners at random",
)
SHOWN = """() => new Promise(go => {
  const see = () => document.querySelector('#view-search[data-view-ready=search]') ? go(performance.now()) : requestAnimationFrame(see);
  see(); })"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space")
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "semascope", "serve", args.space, "--port", str(port)]
    with server(command, port):
        found = measured(f"http://127.0.0.1:{port}", args.times)
    if args.json:
        print(json.dumps(found))
        return
    for name, values in found.items():
        print(f"{name}: median {statistics.median(values):.0f} ms, worst {max(values):.0f} ms, n = {len(values)}")


def measured(address: str, times: int) -> dict[str, list[float]]:
    """Milliseconds since navigation, by what was waited for."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    found: dict[str, list[float]] = {"results, fresh": [], "results, again": [], "words lit, again": []}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=flags)
        for turn in range(times + 1):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            for name in ("results, fresh", "results, again"):
                question = QUESTIONS[turn % len(QUESTIONS)]
                page.goto(f"{address}/?{urlencode({'q': f'{question} {turn} {name[9:]}'})}", wait_until="commit")
                shown = page.evaluate(SHOWN)
                page.wait_for_selector(".hits[data-lit]")
                if turn:  # the first turn warms the server
                    found[name].append(shown)
            if turn:
                found["words lit, again"].append(page.evaluate("performance.now()"))
            context.close()
        browser.close()
    return found


if __name__ == "__main__":
    main()
