"""How the release before this one named a response: ledgers that it wrote are looked up by these names.

It took every id for an id, marks of a provider that were null for marks, and the family of a model for its
provider even where others serve the model too.
"""

from typing import Final

from ingest.formats.completion.body import Body
from ingest.formats.completion.provider import (
    FAMILIES,
    PROVIDERS,
    UNKNOWN,
    of_response_id,
    provider_and_model,
    split_prefix,
)
from ingest.model.event import Former, UsageEvent

_FAMILIES: Final = (
    *FAMILIES,
    ("whisper", "openai"),
    ("mistral", "mistral"),
    ("deepseek", "deepseek"),
)

_TOLD_ANEW: Final = frozenset({UNKNOWN, "azure", "ollama", "xai"})
"""Providers that the release before did not tell by all the marks of today."""
_MARKS: Final = (b'"prompt_filter_results"', b'"x_groq"')


def former(raw: bytes, body: Body, event: UsageEvent) -> Former | None:
    """The former names of a response of a provider; None where they are today's."""
    if event.source_event_id == f"{event.provider}:{body.id}" and _is_told_alike(raw, event):
        return None
    provider, model = _provider_and_model(raw, body) if event.source == event.provider else (None, None)
    provider, model = provider or event.provider, model or event.model
    response_id = body.id if body.id not in {None, ""} else body.request_id
    key = f"{provider}:{response_id}" if response_id not in {None, ""} else None
    if event.cache_hit or (provider, model, key) == (event.provider, event.model, event.source_event_id):
        return None
    return Former(provider, model, key)


def _is_told_alike(raw: bytes, event: UsageEvent) -> bool:
    """Whether the release before told the provider by what still tells it. Gateways state theirs."""
    if event.source != event.provider:
        return True
    return event.provider not in _TOLD_ANEW and _MARKS[0] not in raw and _MARKS[1] not in raw


def _provider_and_model(raw: bytes, body: Body) -> tuple[str | None, str | None]:
    stated = of_response_id(body.id)
    if stated is None and b'"prompt_filter_results"' in raw:
        stated = "azure"
    if stated is None and b'"x_groq"' in raw:
        stated = "groq"
    if stated is not None:
        return provider_and_model(stated, body.model, None)
    if body.type == "error" or body.model is None:
        return None, None
    prefix, rest = split_prefix(body.model)
    if prefix in PROVIDERS:
        return prefix, rest
    family = next((provider for start, provider in _FAMILIES if rest.startswith(start)), UNKNOWN)
    return family, body.model
