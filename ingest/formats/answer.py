"""What is kept of an answer: how many choices, tool calls and url citations it has, and why it ended.

The content itself is never read. The Responses API's output is scanned for the types of its items only.
"""

from typing import Final, NamedTuple

import msgspec

from ingest.formats.body import NULL, Annotation, Body, Choice

RESPONSES: Final = ("response", "realtime.response")
"""Objects whose output is a list of items."""


class Answer(NamedTuple):
    """The countable part of an answer."""

    choices: int | None = None
    tool_calls: int | None = None
    url_citations: int | None = None
    finish_reason: str | None = None


class Part(msgspec.Struct, gc=False):
    """A part of a message's content."""

    annotations: list[Annotation] | None = None


class Citation(msgspec.Struct, gc=False):
    """What a text refers to."""

    type: str | None = None


class Block(msgspec.Struct, gc=False):
    """A block of Anthropic's content."""

    type: str | None = None
    citations: list[Citation] | None = None


class Item(msgspec.Struct, gc=False):
    """An item of the Responses API's output; its content is a list of parts, or plain text in old versions."""

    type: str | None = None
    content: msgspec.Raw = NULL


_items = msgspec.json.Decoder(list[Item]).decode
_blocks = msgspec.json.Decoder(list[Block]).decode
_parts = msgspec.json.Decoder(list[Part]).decode
_things = msgspec.json.Decoder(list[msgspec.Raw]).decode


def answer(body: Body) -> Answer:
    """The countable part of what `body` answers."""
    if body.choices is not None:
        return _of_choices(body.choices, body)
    if body.output is not NULL and body.object in RESPONSES:
        return _of_items(body)
    if body.content is not NULL and body.type == "message":
        return _of_blocks(body)
    return Answer(finish_reason=_ending(body))


def length(raw: msgspec.Raw) -> int | None:
    """How many things a JSON list holds, None for anything else."""
    return len(_things(raw)) if bytes(raw)[:1] == b"[" else None


def _of_choices(choices: list[Choice], body: Body) -> Answer:
    tool_calls = url_citations = 0
    for choice in choices:
        if choice.message is not None:
            tool_calls += len(choice.message.tool_calls or ())
            url_citations += _urls(choice.message.annotations)
    if not url_citations and body.citations is not NULL:
        url_citations = length(body.citations) or 0
    return Answer(len(choices), tool_calls, url_citations, choices[0].finish_reason if choices else None)


def _of_items(body: Body) -> Answer:
    """An output that is not made of items is content of another kind: no call is refused for its content."""
    try:
        items = _items(body.output)
        url_citations = sum(_urls(part.annotations) for item in items for part in _parts_of(item))
    except msgspec.ValidationError:
        return Answer(finish_reason=_ending(body))
    tool_calls = sum(item.type is not None and item.type.endswith("_call") for item in items)
    return Answer(None, tool_calls, url_citations, _ending(body))


def _of_blocks(body: Body) -> Answer:
    """Anthropic's content: calls of tools, its own and the caller's, and citations of pages."""
    try:
        blocks = _blocks(body.content)
    except msgspec.ValidationError:
        return Answer(finish_reason=_ending(body))
    tool_calls = sum(block.type is not None and block.type.endswith("tool_use") for block in blocks)
    cited = [citation for block in blocks for citation in block.citations or ()]
    url_citations = sum(citation.type == "web_search_result_location" for citation in cited)
    return Answer(None, tool_calls, url_citations, _ending(body))


def _parts_of(item: Item) -> list[Part]:
    return _parts(item.content) if bytes(item.content)[:1] == b"[" else []


def _ending(body: Body) -> str | None:
    if body.stop_reason:
        return body.stop_reason
    if body.incomplete_details is not None and body.incomplete_details.reason:
        return body.incomplete_details.reason
    return body.status if body.object in RESPONSES and isinstance(body.status, str) else None


def _urls(annotations: list[Annotation] | None) -> int:
    return sum(annotation.type == "url_citation" for annotation in annotations or ())
