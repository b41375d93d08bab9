"""Takes the pictures of docs/tutorials/4-serve-and-explore.md, of a running `semascope serve` over the Space of that page.

python scripts/take_pictures.py http://127.0.0.1:8000 [--out docs/images] [--only search,map]

Wants playwright and a Chromium. The map and the words are made first where the Space has none.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

QUESTION = "how do I ask the user for a password?"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def ask(base: str, path: str, body: object = None) -> Any:
    """The JSON of an answer; of a POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def made(base: str) -> list[str]:
    """Names of the encodings, the current one first, each with a map and words, and compared with the others."""
    encodings = sorted(ask(base, "/x/space")["encodings"], key=lambda one: not one["current"])
    names = [one["name"] for one in encodings]
    jobs = [ask(base, "/x/jobs", {"do": do, "encoding": name}) for name in names for do in ("map", "words")]
    wait(base, jobs)
    jobs = [
        ask(base, "/x/jobs", {"do": "moved", "encoding": one, "other": other})
        for one in names
        for other in names
        if one != other
    ]
    if not any(one["verb"] == "doctor" for one in ask(base, "/x/reports")["reports"]):
        jobs.append(ask(base, "/x/jobs", {"do": "doctor"}))
    wait(base, jobs)
    return names


def wait(base: str, jobs: list[Any]) -> None:
    """Until all jobs are done."""
    for job in jobs:
        while (now := ask(base, f"/x/jobs/{job['id']}"))["state"] in ("waiting", "running"):
            time.sleep(0.5)
        if now["state"] != "done":
            raise SystemExit(f"{now['do']}: {now['state']} {now['error']}")


def pictures(names: list[str], hit: dict[str, Any]) -> dict[str, tuple[dict[str, str], dict[str, int], str]]:
    """Name -> address, size of the window, light or dark."""
    other = names[1] if len(names) > 1 else ""
    return {
        "search": ({"q": QUESTION}, WIDE, "light"),
        "context": ({"q": QUESTION, "doc": hit["id"]}, WIDE, "light"),
        "phone": ({"q": QUESTION}, PHONE, "dark"),
        "map": ({"view": "map", "q": QUESTION}, WIDE, "light"),
        "beside": ({"view": "map", "other": other}, WIDE, "dark"),
        "dials": ({"view": "inside", "q": QUESTION, "part": "dials", "dials": "text:colour*1.0"}, WIDE, "light"),
        "layers": ({"view": "inside", "q": QUESTION, "part": "lens"}, WIDE, "light"),
        "pair": ({"view": "inside", "q": QUESTION, "part": "pair", "pair": hit["id"]}, WIDE, "light"),
        "report": ({"view": "report"}, WIDE, "light"),
    }


def main() -> None:
    """Make what the pictures show, then take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    base = args.address.rstrip("/")
    names = made(base)
    hit = ask(base, "/x/search", {"query": QUESTION, "k": 1})["hits"][0]
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    wanted = set(filter(None, args.only.split(",")))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=flags)
        for name, (state, size, scheme) in pictures(names, hit).items():
            if wanted and name not in wanted:
                continue
            page = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce").new_page()
            page.goto(f"{base}/?{urlencode(state)}")
            page.wait_for_selector(f'[data-view-ready="{state.get("view", "search")}"]')
            page.wait_for_timeout(2_000)  # what comes after the first picture: lit words, names on the map
            page.screenshot(path=args.out / f"serve-{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
