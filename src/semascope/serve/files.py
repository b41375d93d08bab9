"""The web app's own files: a fixed list of them, read once, so that nothing a request says becomes a path."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

# Where files are -> under which address they are served.
PLACES = (("semascope.serve", "web", "/app/"), ("semascope.report", "web", "/app/shared/"))
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
PAGE = "/app/index.html"


def web_files() -> dict[str, tuple[bytes, str]]:
    """Address -> bytes and media type of every file of the app."""
    found: dict[str, tuple[bytes, str]] = {}
    for package, folder, address in PLACES:
        root = files(package).joinpath(folder)
        if root.is_dir():
            _gather(root, address, found)
    return found


def _gather(folder: Traversable, address: str, found: dict[str, tuple[bytes, str]]) -> None:
    for one in folder.iterdir():
        if one.is_dir():
            _gather(one, f"{address}{one.name}/", found)
            continue
        kind = KINDS.get("." + one.name.rpartition(".")[2])
        if kind is not None:
            found[address + one.name] = one.read_bytes(), kind


def file_routes() -> list[BaseRoute]:
    """A route for each file, and the page itself at "/"."""
    found = web_files()
    out: list[BaseRoute] = [_route(address, *content) for address, content in sorted(found.items())]
    if PAGE in found:
        out.append(_route("/", *found[PAGE]))
    return out


def _route(address: str, data: bytes, kind: str) -> Route:
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    # Asked for anew each time, and answered with nothing where it has not changed: an update of the app is seen at once.
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def handle(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=kind)

    return Route(address, handle, methods=["GET"])
