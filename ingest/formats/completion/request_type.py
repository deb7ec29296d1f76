"""Request types: which kind of call a response belongs to, as stated, or inferred from its fields."""

from typing import Final

from ingest.formats.completion.body import Body, is_present

UNKNOWN_TYPE: Final = "unknown"

TYPES_OF_OBJECTS: Final = {
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
    "thread.run": "thread_run",
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
_TYPES_OF_EVENTS: Final = (
    ("speech.audio.", "speech_stream"),
    ("transcript.text.", "transcription_stream"),
    ("image_generation.", "image_generation_stream"),
    ("image_edit.", "image_edit_stream"),
)


def canonical_request_type(stated: str | None) -> str:
    """A stated request type under its present name. Older rows of the gateway have an object name instead."""
    return TYPES_OF_OBJECTS.get(stated, stated) if stated else UNKNOWN_TYPE


def streamed_request_type(request_type: str) -> str:
    """The request type of a streamed call, given the request type of its final response."""
    return f"{request_type}_stream" if request_type in _STREAMABLE else request_type


def inferred_request_type(body: Body) -> str:
    """The request type inferred from a body, `unknown` where no field decides it."""
    if body.object in TYPES_OF_OBJECTS:
        return TYPES_OF_OBJECTS[body.object]
    if body.type == "message":
        return "chat_completion"
    if body.type is not None:
        for prefix, request_type in _TYPES_OF_EVENTS:
            if body.type.startswith(prefix):
                return request_type
    return _type_by_content(body)


def _type_by_content(body: Body) -> str:
    if body.choices is not None:
        return "text_completion" if body.object is None and _has_no_messages(body) else "chat_completion"
    if body.usage_info is not None:
        return "ocr"
    if is_present(body.results):
        return "rerank"
    if is_present(body.data):
        return "embedding" if body.object == "list" else "image_generation"
    if is_present(body.text):
        return "transcription"
    return UNKNOWN_TYPE


def _has_no_messages(body: Body) -> bool:
    return bool(body.choices) and all(choice.message is None for choice in body.choices or ())
