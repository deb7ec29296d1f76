"""Families of calls: the request type where nobody states it, from the marks that each family leaves."""

from typing import Final

from ingest.formats.body import NULL, Body

UNKNOWN: Final = "unknown"

_OBJECTS: Final = {
    "chat.completion": "chat_completion",
    "chat.completion.chunk": "chat_completion_stream",
    "text_completion": "text_completion",
    "text.completion": "text_completion",
    "response": "responses",
    "embedding": "embedding",
    "video": "video_generation",
    "rerank": "rerank",
    "speech": "speech",
    "audio.speech": "speech",
    "transcription": "transcription",
    "audio.transcription": "transcription",
    "image": "image_generation",
    "realtime.response": "realtime",
}

_STREAMABLE: Final = frozenset(
    {
        "chat_completion",
        "text_completion",
        "responses",
        "speech",
        "transcription",
        "image_generation",
        "image_edit",
    }
)
_EVENTS: Final = (
    ("speech.audio.", "speech_stream"),
    ("transcript.text.", "transcription_stream"),
    ("image_generation.", "image_generation_stream"),
    ("image_edit.", "image_edit_stream"),
)


def request_type(stated: str | None) -> str:
    """A stated request type in today's words; the gateway's older rows have object names in its place."""
    return _OBJECTS.get(stated, stated) if stated else UNKNOWN


def streamed(family: str) -> str:
    """The request type of a call that was streamed, for one that was inferred from its final form."""
    return f"{family}_stream" if family in _STREAMABLE else family


def inferred(body: Body) -> str:
    """The request type of a body that does not state it, `unknown` where nothing tells."""
    if body.object in _OBJECTS:
        return _OBJECTS[body.object]
    if body.type == "message":
        return "chat_completion"
    if body.type is not None:
        for start, family in _EVENTS:
            if body.type.startswith(start):
                return family
    return _by_content(body)


def _by_content(body: Body) -> str:
    if body.choices is not None:
        return "text_completion" if body.object is None and _is_text(body) else "chat_completion"
    if body.usage_info is not None:
        return "ocr"
    if body.results is not NULL:
        return "rerank"
    if body.data is not NULL:
        return "embedding" if body.object == "list" else "image_generation"
    if body.text is not NULL:
        return "transcription"
    return UNKNOWN


def _is_text(body: Body) -> bool:
    return bool(body.choices) and all(choice.message is None for choice in body.choices or ())
