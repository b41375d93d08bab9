"""/x/reports: what doctor and leak found of the Space, kept in it; read, and taken along as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from semascope.errors import CorruptError
from semascope.report.kept import REPORTS, Kept, open_report, report_names
from semascope.serve.http.answering import Asked, Endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from semascope.serve.house import House

MOST = 200  # reports that are listed, the latest
MAKERS = {
    "doctor": "What is wrong with this Space: its files, encoder, vectors, index and words. Reads every byte.",
    "leak": "What its vectors give away: an attacker who knows some passages reads others, beside what guessing gets.",
}


class Named(msgspec.Struct, frozen=True):
    """A report by its name."""

    name: str = ""


class Short(msgspec.Struct, frozen=True):
    """A report in a line; `levels` counts its findings."""

    name: str
    verb: str
    source: str
    verdict: str
    made: str
    levels: dict[str, int]


class Maker(msgspec.Struct, frozen=True):
    """What makes reports; `seconds_guess` is how long it took the last time here, null where it never ran."""

    do: str
    says: str
    seconds_guess: float | None


class Listing(msgspec.Struct, frozen=True):
    """The reports that are kept, the latest first, and what makes new ones."""

    reports: list[Short]
    makers: list[Maker]


async def reports(house: House, asked: Asked) -> Listing:
    """All reports."""
    del asked
    return await house.thread(_listing, _folder(house))


def _listing(folder: Path) -> Listing:
    found: list[Short] = []
    took: dict[str, float] = {}
    for name in report_names(folder)[:MOST]:
        try:
            kept = open_report(folder, name)
        except CorruptError:
            # One that is damaged must not hide the others.
            found.append(Short(name, "", "", "This report is damaged: its file cannot be read.", "", {}))
            continue
        report = kept.report
        found.append(Short(name, report.verb, report.source, report.verdict, kept.made, kept.levels()))
        if kept.seconds is not None:
            took.setdefault(report.verb, kept.seconds)
    return Listing(found, [Maker(do, says, took.get(do)) for do, says in MAKERS.items()])


async def one(house: House, asked: Named) -> dict[str, Any]:
    """A report."""
    kept = await house.thread(open_report, _folder(house), asked.name)
    svgs = kept.report.drawn()
    return {**kept.report.to_json(), "name": kept.name, "made": kept.made, "seconds": kept.seconds, "svgs": svgs}


async def page(house: House, asked: Named) -> Response:
    """A report as one page that loads nothing."""
    kept: Kept = await house.thread(open_report, _folder(house), asked.name)
    html = await house.thread(kept.report.html)
    # The name is that of a file which is there; what is no plain sign of it is left out all the same.
    plain = "".join(sign for sign in kept.name if sign.isascii() and (sign.isalnum() or sign in "-_")) or "report"
    headers = {"Content-Disposition": f'attachment; filename="{plain}.html"'}
    return Response(html.encode("utf-8", "replace"), headers=headers, media_type="text/html; charset=utf-8")


def _folder(house: House) -> Path:
    return house.opened().path / REPORTS


ENDPOINTS = [
    Endpoint(
        "GET", "/x/reports", Asked, reports, "The reports kept in the Space, and what makes new ones.", gives=Listing
    ),
    Endpoint(
        "GET", "/x/reports/{name}", Named, one, "A report: verdict, findings, tables, curves.", gives=dict[str, Any]
    ),
    Endpoint(
        "POST",
        "/x/reports/{name}/page",
        Named,
        page,
        "A report as one HTML page that loads nothing, to take along.",
        media="text/html",
    ),
]
