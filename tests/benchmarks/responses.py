"""A file of completion responses, one a line, about 920 bytes each, the same bytes every time.

python -m tests.benchmarks.responses FILE [--records 1000000]
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

RECORDS: Final = 1_000_000
START: Final = 1_785_542_400
"""2026-08-01 00:00 UTC; the calls spread over the 90 days from then on."""
SECONDS: Final = 90 * 86_400

_MODELS: Final = (
    ("openai", "gpt-5.4"),
    ("openai", "gpt-5.4-mini"),
    ("anthropic", "claude-sonnet-5-5"),
    ("anthropic", "claude-haiku-5-5"),
    ("vertex", "gemini-3.8-flash"),
    ("mistral", "mistral-large-4"),
    ("deepseek", "deepseek-v4-pro"),
    ("xai", "grok-4.5"),
)
_RECORD: Final = (
    '{"id":"chatcmpl-%%012x","object":"chat.completion","created":%%d,"model":"%(model)s","choices":[{"index":0,'
    '"message":{"role":"assistant","content":"The order was shipped on Tuesday and should reach you within three working'
    ' days."},"finish_reason":"stop","log_probs":null}],"system_fingerprint":"fp_44709d6fcb","usage":{"prompt_tokens":%%d,'
    '"prompt_tokens_details":{"text_tokens":0,"audio_tokens":0,"image_tokens":0,"cached_read_tokens":%%d,'
    '"cached_write_tokens":0},"completion_tokens":%%d,"completion_tokens_details":{"text_tokens":0,'
    '"accepted_prediction_tokens":0,"audio_tokens":0,"citation_tokens":0,"num_search_queries":0,"reasoning_tokens":%%d,'
    '"image_tokens":0,"rejected_prediction_tokens":0},"total_tokens":%%d},"extra_fields":{"request_type":'
    '"chat_completion","provider":"%(provider)s","model_requested":"%(model)s","model_deployment":"","latency":%%d,'
    '"chunk_index":0,"cache_debug":{"cache_hit":false,"cache_id":"","hit_type":""}}}\n'
)
_TEMPLATES: Final = tuple(_RECORD % {"provider": provider, "model": model} for provider, model in _MODELS)
_AT_ONCE: Final = 10_000


def responses(records: int) -> Iterator[str]:
    """So many lines."""
    share = Random(1).random
    for number in range(records):
        prompt, answer = 40 + int(4_000 * share() * share()), 8 + int(600 * share() * share())
        cached = prompt // 256 * 128 if share() < 0.36 else 0
        created = START + number * SECONDS // records
        template = _TEMPLATES[int(len(_TEMPLATES) * share())]
        latency = 200 + answer * 12
        yield template % (number, created, prompt, cached, answer, answer // 4, prompt + answer, latency)


def write(file: Path, records: int) -> None:
    """Make the file, whole or not at all."""
    draft = file.with_name(f"{file.name}.new")
    lines = responses(records)
    with draft.open("w", encoding="ascii") as out:
        while some := list(islice(lines, _AT_ONCE)):
            out.write("".join(some))
    draft.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--records", type=int, default=RECORDS)
    arguments = parser.parse_args()
    write(arguments.file, arguments.records)
    size = arguments.file.stat().st_size
    print(f"{arguments.file}: {arguments.records:,} responses of {size / arguments.records:.0f} bytes")


if __name__ == "__main__":
    main()
