"""The locale of the reader's browser, in which pages write numbers and dates.

The text of the pages is English. JSON and CSV are the same for every reader and do not depend on the locale.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Final

from babel import Locale, localedata

DEFAULT_LOCALE: Final = "en"
_MAX_LANGUAGES: Final = 20
"""Languages of a header that are considered; browsers send a handful."""

_tag: ContextVar[str] = ContextVar("tag", default=DEFAULT_LOCALE)


def current_locale() -> Locale:
    """The locale of the reader whose request is being handled."""
    return _locale(_tag.get())


@contextmanager
def using_locale(tag: str) -> Iterator[None]:
    """Write numbers and dates in this locale inside the `with` block."""
    token = _tag.set(tag)
    try:
        yield
    finally:
        _tag.reset(token)


def preferred_locale(accept_language: str) -> str:
    """The available locale that an `Accept-Language` header prefers most (RFC 9110, 12.5.4)."""
    preferences: list[tuple[float, str]] = []
    for language in accept_language.split(",")[:_MAX_LANGUAGES]:
        tag, _, parameter = language.partition(";")
        preferences.append((_quality(parameter), tag.strip().replace("-", "_")))
    for quality, tag in sorted(preferences, key=lambda preference: -preference[0]):
        for candidate in (tag, tag.partition("_")[0]):
            if quality > 0 and (name := localedata.normalize_locale(candidate)):
                return name
    return DEFAULT_LOCALE


@cache
def _locale(tag: str) -> Locale:
    return Locale.parse(tag)


def _quality(parameter: str) -> float:
    """The weight of a language: `q` of its parameter, 1 where there is none, 0 where it is no number."""
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
