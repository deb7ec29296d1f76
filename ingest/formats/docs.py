"""The reference of formats, `docs/formats.md`: a section with examples for each format.

A section is `## name`, or `## name, other` for formats that belong together. Its fenced examples are the
contents of files: ```` ```json ````, ```` ```csv ```` or ```` ```sse ````.
"""

import re
from pathlib import Path
from typing import Final

import ingest

_PACKAGE: Final = Path(ingest.__file__).parent
_INSTALLED: Final = _PACKAGE / "formats" / "formats.md"
_CHECKED_OUT: Final = _PACKAGE.parent / "docs" / "formats.md"
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_EXAMPLE: Final = re.compile(r"^```(?:json|csv|sse)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[tuple[str, ...], str]:
    """The sections, by the format names in their headings."""
    text = (_INSTALLED if _INSTALLED.exists() else _CHECKED_OUT).read_text(encoding="utf-8")
    _, *parts = _HEADING.split(text)
    return {
        tuple(name.strip() for name in heading.split(",")): f"## {heading}\n\n{body.strip()}\n"
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }


def section_of(name: str) -> str:
    """The section of the format `name`, empty if there is none."""
    return next((text for names, text in sections().items() if name in names), "")


def examples(section: str) -> list[str]:
    """The examples in a section, each as the content of a file."""
    return _EXAMPLE.findall(section)
