"""Content counts: how many choices, tool calls and URL citations a response has, and its finish reason.

The content itself is never decoded. In the output of the Responses API only the types of the items are
decoded.
"""

from typing import Final, NamedTuple

import msgspec

from ingest.formats.completion.body import NULL, Annotation, Body, Choice, is_present

RESPONSES: Final = ("response", "realtime.response")
"""Values of `object` whose `output` is a list of items."""


class ContentCounts(NamedTuple):
    """The counts of a response's content, and its finish reason."""

    choices: int | None = None
    tool_calls: int | None = None
    url_citations: int | None = None
    finish_reason: str | None = None


class ContentPart(msgspec.Struct, gc=False):
    """A part of the content of a message."""

    annotations: list[Annotation] | None = None


class Citation(msgspec.Struct, gc=False):
    """A source that a text cites."""

    type: str | None = None


class ContentBlock(msgspec.Struct, gc=False):
    """A content block of Anthropic."""

    type: str | None = None
    citations: list[Citation] | None = None


class OutputItem(msgspec.Struct, gc=False):
    """An output item of the Responses API. Its content is a list of parts, or plain text in old versions."""

    type: str | None = None
    content: msgspec.Raw = NULL


_decode_items = msgspec.json.Decoder(list[OutputItem]).decode
_decode_blocks = msgspec.json.Decoder(list[ContentBlock]).decode
_decode_parts = msgspec.json.Decoder(list[ContentPart]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def content_counts(body: Body) -> ContentCounts:
    """The content counts of a response."""
    if body.choices is not None:
        return _count_choices(body.choices, body)
    if is_present(body.output) and body.object in RESPONSES:
        return _count_output_items(body)
    if is_present(body.content) and body.type == "message":
        return _count_content_blocks(body)
    return ContentCounts(finish_reason=_finish_reason(body))


def list_length(raw: msgspec.Raw) -> int | None:
    """The length of a JSON list, None for any other value."""
    return len(_decode_list(raw)) if bytes(raw)[:1] == b"[" else None


def _count_choices(choices: list[Choice], body: Body) -> ContentCounts:
    tool_calls = url_citations = 0
    for choice in choices:
        if choice.message is not None:
            tool_calls += len(choice.message.tool_calls or ())
            url_citations += _count_url_citations(choice.message.annotations)
    if not url_citations and is_present(body.citations):
        url_citations = list_length(body.citations) or 0
    return ContentCounts(
        len(choices), tool_calls, url_citations, choices[0].finish_reason if choices else None
    )


def _count_output_items(body: Body) -> ContentCounts:
    """Counts of a list of items; none for any other output, as no call is refused for its content."""
    try:
        items = _decode_items(body.output)
        url_citations = sum(
            _count_url_citations(part.annotations) for item in items for part in _content_parts(item)
        )
    except msgspec.ValidationError:
        return ContentCounts(finish_reason=_finish_reason(body))
    tool_calls = sum(item.type is not None and item.type.endswith("_call") for item in items)
    return ContentCounts(None, tool_calls, url_citations, _finish_reason(body))


def _count_content_blocks(body: Body) -> ContentCounts:
    """Counts of Anthropic's content blocks. Calls of server tools are tool calls."""
    try:
        blocks = _decode_blocks(body.content)
    except msgspec.ValidationError:
        return ContentCounts(finish_reason=_finish_reason(body))
    tool_calls = sum(block.type is not None and block.type.endswith("tool_use") for block in blocks)
    citations = [citation for block in blocks for citation in block.citations or ()]
    url_citations = sum(citation.type == "web_search_result_location" for citation in citations)
    return ContentCounts(None, tool_calls, url_citations, _finish_reason(body))


def _content_parts(item: OutputItem) -> list[ContentPart]:
    return _decode_parts(item.content) if bytes(item.content)[:1] == b"[" else []


def _finish_reason(body: Body) -> str | None:
    if body.stop_reason:
        return body.stop_reason
    if body.incomplete_details is not None and body.incomplete_details.reason:
        return body.incomplete_details.reason
    return body.status if body.object in RESPONSES and isinstance(body.status, str) else None


def _count_url_citations(annotations: list[Annotation] | None) -> int:
    return sum(annotation.type == "url_citation" for annotation in annotations or ())
