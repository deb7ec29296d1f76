"""The reference page at /docs: the OpenAPI document as plain HTML without scripts of other servers."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; font-size: 1.15rem; } h2 b { text-transform: uppercase; margin-right: .5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .875rem; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .25rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: 600; padding-top: .75rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; }
"""


def page(document: Mapping[str, Any]) -> str:
    """The HTML of the page."""
    about = document["info"]
    title = escape(f"{about['title']} {about['version']}")
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>",
            f"<p>{escape(about.get('summary', ''))} The same as data: <a href='openapi.json'>openapi.json</a>.</p>",
            *_operations(document["paths"]),
            "<h2>Shapes</h2>",
            *_shapes(document.get("components", {}).get("schemas", {})),
            "</main></body></html>",
        ]
    )


def _operations(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, item in paths.items():
        for method in _METHODS:
            if method in item:
                yield from _operation(path, method, item[method])


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<section><h2><b>{method}</b><code>{escape(path)}</code></h2>"
    yield from (f"<p>{escape(part)}</p>" for part in operation.get("description", "").split("\n\n"))
    parameters = [
        (f"{parameter['name']} ({parameter['in']})", parameter.get("description", ""))
        for parameter in operation.get("parameters", ())
    ]
    yield from _table("Parameters", parameters)
    if body := operation.get("requestBody"):
        yield from _table("Body", [(kind, body.get("description", "")) for kind in body["content"]])
    answers = [(status, response["description"]) for status, response in operation["responses"].items()]
    yield from _table("Answers", answers)
    yield "</section>"


def _table(caption: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield f"<table><caption>{caption}</caption>"
        yield from (
            f"<tr><th scope='row'><code>{escape(k)}</code></th><td>{escape(v)}</td></tr>" for k, v in rows
        )
        yield "</table>"


def _shapes(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        shown = escape(json.dumps(schema, indent=2))
        yield f"<details id='{escape(name)}'><summary><code>{escape(name)}</code></summary><pre>{shown}</pre></details>"
