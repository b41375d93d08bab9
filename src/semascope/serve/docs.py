"""A page to read of an OpenAPI document: plain HTML without scripts, everything of the document escaped."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: routes</title>
<link rel="stylesheet" href="/app/docs.css">
<link rel="icon" href="/app/icon.svg">
</head>
<body>
<a class="skip" href="#routes">To the routes</a>
<header>
<h1>{title} <small>{version}</small></h1>
<p>{says}</p>
<p>{keys} The same for programs: <a href="/openapi.json">openapi.json</a>. The app is at <a href="/">/</a>.
In the examples <code>$SERVER</code> is the address of this server, such as <code>http://127.0.0.1:8000</code>.</p>
</header>
"""
_LINES = 40  # of an example on the page


def page(document: Mapping[str, Any]) -> str:
    """The page.

    Args:
        document: In OpenAPI 3.1, as `semascope.serve.openapi.document` makes it.
    """
    info = document["info"]
    keyed = {} not in document["security"]
    schemas = document["components"]["schemas"]
    keys = "Requests need a key: <code>Authorization: Bearer KEY</code>." if keyed else "No key is needed."
    parts = [
        _HEAD.format(
            title=escape(info["title"]), version=escape(info["version"]), says=escape(info["description"]), keys=keys
        )
    ]
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = [tag["name"] for tag in document["tags"]]
    parts.append(_contents(tags, operations))
    parts.append('<main id="routes">\n')
    for tag in tags:
        parts.append(f"<h2>{escape(tag)}</h2>\n")
        parts += [
            _route(method, path, operation, schemas, keyed)
            for method, path, operation in operations
            if tag in operation["tags"]
        ]
    parts.append("<h2>What is asked and answered</h2>\n")
    parts += [_schema(name, schema) for name, schema in sorted(schemas.items())]
    parts.append("</main>\n</body>\n</html>\n")
    return "".join(parts)


def _contents(tags: Iterable[str], operations: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    lines = ['<nav aria-label="Routes">\n<ul>\n']
    for tag in tags:
        inside = "".join(
            f'<li><a href="#{escape(operation["operationId"])}">{_method(method)} {escape(path)}</a></li>\n'
            for method, path, operation in operations
            if tag in operation["tags"]
        )
        lines.append(f"<li>{escape(tag)}\n<ul>\n{inside}</ul>\n</li>\n")
    return "".join([*lines, "</ul>\n</nav>\n"])


def _method(method: str) -> str:
    return f'<span class="method {method.lower()}">{method}</span>'


def _route(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any], keyed: bool) -> str:
    name = escape(operation["operationId"])
    lines = [
        f'<section id="{name}" aria-labelledby="{name}-title">\n',
        f'<h3 id="{name}-title">{_method(method)} <code>{escape(path)}</code></h3>\n',
        f"<p>{_text(operation['description'])}</p>\n",
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields = [
        (one["name"], one["schema"], one.get("description", ""), one["required"])
        for one in operation.get("parameters", [])
    ]
    if body:
        asked = _resolved(body["schema"], schemas)
        fields += _properties(asked)
    if fields:
        lines.append(_table(fields))
    key = keyed and operation.get("security") != []
    for said, example in body.get("examples", {}).items():
        lines.append(
            f"<details><summary>Example: {escape(said)}</summary>\n<pre>{_curl(method, path, example['value'], key)}</pre></details>\n"
        )
    lines.append(_answers(operation["responses"]))
    lines.append("</section>\n")
    return "".join(lines)


def _answers(responses: Mapping[str, Any]) -> str:
    rows: list[str] = []
    for status, response in responses.items():
        given = ", ".join(
            escape(media) if "schema" not in content else _type(content["schema"])
            for media, content in response.get("content", {}).items()
        )
        rows.append(
            f"<tr><th scope=row>{escape(status)}</th><td>{_text(response['description'])}</td><td>{given}</td></tr>\n"
        )
    return f"<details><summary>Answers</summary>\n<table><tbody>\n{''.join(rows)}</tbody></table></details>\n"


def _curl(method: str, path: str, body: Any, keyed: bool) -> str:
    said = json.dumps(body, ensure_ascii=False, indent=1)
    if said.count("\n") > _LINES:
        said = json.dumps(body, ensure_ascii=False)
    key = ' -H "Authorization: Bearer $KEY"' if keyed else ""
    command = f"curl -X {method} $SERVER{path}{key} -H 'Content-Type: application/json' -d {shlex.quote(said)}"
    return escape(command)


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    says = f"<p>{_text(schema['description'])}</p>\n" if "description" in schema else ""
    rows = _properties(schema)
    inside = _table(rows) if rows else f"<p>{_type(schema)}</p>\n"
    return f'<section id="type-{escape(name)}"><h3><code>{escape(name)}</code></h3>\n{says}{inside}</section>\n'


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _properties(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str, bool]]:
    needed = schema.get("required", [])
    return [
        (name, one, one.get("description", ""), name in needed) for name, one in schema.get("properties", {}).items()
    ]


def _table(fields: Iterable[tuple[str, Mapping[str, Any], str, bool]]) -> str:
    rows = "".join(
        f"<tr><th scope=row><code>{escape(name)}</code></th><td>{_type(schema)}{_otherwise(schema, needed)}</td>"
        f"<td>{_text(says)}</td></tr>\n"
        for name, schema, says, needed in fields
    )
    return f"<table><thead><tr><th scope=col>Field</th><th scope=col>Type</th><th scope=col>Meaning</th></tr></thead><tbody>\n{rows}</tbody></table>\n"


def _otherwise(schema: Mapping[str, Any], needed: bool) -> str:
    if needed:
        return " <b>needed</b>"
    value = schema.get("default")
    return "" if value is None else f" <span class=default>{escape(json.dumps(value))} if none</span>"


def _type(schema: Mapping[str, Any]) -> str:
    """A type in few words, with a link to what it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if "enum" in schema or "const" in schema:
        values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
        return " or ".join(escape(json.dumps(value)) for value in values)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            # What may be left out may be null too: not worth a word each time.
            kinds = [one for one in schema[name] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(map(_type, kinds)))
    kind = schema.get("type")
    if kind == "array":
        if not schema.get("items"):
            return "list"
        inside = _type(schema["items"])
        return f"list of ({inside})" if " or " in inside else f"list of {inside}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'])}"
    return escape(kind) if isinstance(kind, str) else "anything"


def _text(said: str) -> str:
    """Escaped, with what stands between backticks as code."""
    pieces = escape(said).split("`")
    if len(pieces) % 2 == 0:
        return escape(said)
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))
