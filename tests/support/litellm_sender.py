"""An application that calls models through the `litellm` package, which logs to Tallybook by its callback.

A script of its own, because litellm keeps its settings, loops and queues in globals of the process.
Usage: `litellm_sender.py TOKEN [json_array|ndjson|single|v1 URL RECORDS]...`: makes all calls in each format,
and sends so many records.
"""

import asyncio
import contextlib
import hashlib
import os
import sys
import time

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its default is to download prices

import litellm
from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger
from litellm.litellm_core_utils.logging_callback_manager import LoggingCallbackManager

QUESTION = [{"role": "user", "content": "tell me about my illness"}]
KEY = "sk-1234567890abcdef"
OWNER = {
    "user_api_key_hash": hashlib.sha256(KEY.encode()).hexdigest(),
    "user_api_key": hashlib.sha256(KEY.encode()).hexdigest(),
    "user_api_key_alias": "search",
    "user_api_key_team_id": "team-7",
    "user_api_key_team_alias": "Search",
    "tags": ["jobID:42"],
}


def callback(url: str, token: str, log_format: str) -> GenericAPILogger:
    """The callback, as a proxy makes it of `callback_settings` in its configuration."""
    litellm.generic_api_use_v1 = log_format == "v1"
    litellm.callback_settings = {
        f"tallybook-{log_format}": {
            "callback_type": "generic_api",
            "endpoint": f"{url}/v1/ingest",
            "headers": {"x-tallybook-token": token},
            "log_format": "json_array" if log_format == "v1" else log_format,
            "max_retries": 3,
        }
    }
    made = LoggingCallbackManager.add_custom_callback_generic_api_str(f"tallybook-{log_format}")
    assert isinstance(made, GenericAPILogger)
    litellm.logging_callback_manager._reset_all_callbacks()
    litellm.callbacks = [made]
    return made


async def calls() -> None:
    """Make every kind of call."""
    litellm.cache = None
    await litellm.acompletion(model="gpt-4o", messages=QUESTION, mock_response="An answer", metadata=OWNER)
    stream = await litellm.acompletion(
        model="gpt-4o",
        messages=QUESTION,
        mock_response="An answer in a stream",
        stream=True,
        stream_options={"include_usage": True},
        metadata=OWNER,
    )
    async for _ in stream:
        pass
    await litellm.acompletion(model="openai/no-such-model", messages=QUESTION, mock_response="An answer")
    await litellm.aembedding(model="text-embedding-3-small", input=["illness"], mock_response=[0.1])
    limit = litellm.RateLimitError("too many", "openai", "gpt-4o")
    with contextlib.suppress(litellm.RateLimitError):
        await litellm.acompletion(model="gpt-4o", messages=QUESTION, mock_response=limit)
    litellm.cache = litellm.Cache()
    for _ in range(2):
        await litellm.acompletion(model="gpt-4o", messages=QUESTION, mock_response="Kept", caching=True)
        await asyncio.sleep(0.3)


async def log(token: str, log_format: str, url: str, records: str) -> None:
    sender = callback(url, token, log_format)
    sender.flush_interval = 3600  # flushed by hand: litellm drops what is logged while a batch is on its way
    await calls()
    deadline = time.monotonic() + 60
    while len(sender.log_queue) < int(records):
        assert time.monotonic() < deadline, f"only {len(sender.log_queue)} records"
        await asyncio.sleep(0.05)
    await sender.async_send_batch()


async def main(token: str, *words: str) -> None:
    for first in range(0, len(words), 3):
        await log(token, *words[first : first + 3])


asyncio.run(main(*sys.argv[1:]))
