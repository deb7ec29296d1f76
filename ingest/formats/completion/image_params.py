"""Image parameters: size and quality of the images of a call, which their price may depend on."""

import re
from typing import Final

import msgspec

from ingest.model.event import UsageEvent

_SIZE: Final = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}")
_QUALITY: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LONGEST: Final = 40
_AUTO: Final = "auto"


def with_image_params(event: UsageEvent, size: msgspec.Raw, quality: msgspec.Raw) -> UsageEvent:
    """`event` with size and quality of its images. Values without meaning, such as `auto`, are ignored."""
    size_text, quality_text = _short_text(size), _short_text(quality)
    return msgspec.structs.replace(
        event,
        image_size=size_text if size_text and _SIZE.fullmatch(size_text) else None,
        image_quality=quality_text
        if quality_text and quality_text != _AUTO and _QUALITY.fullmatch(quality_text)
        else None,
    )


def _short_text(raw: msgspec.Raw) -> str | None:
    """A short text in lower case, None for any other value."""
    try:
        return msgspec.json.decode(raw, type=str).lower() if len(memoryview(raw)) <= _LONGEST else None
    except msgspec.DecodeError:
        return None
