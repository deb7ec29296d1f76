"""What is no call: sums over many calls, and resources such as assistants, files and jobs.

Some have a `model` and a `usage` as a response has them. Their usage repeats that of calls, or is none.
"""

from typing import Final

from ingest.formats.completion.body import Body, is_present
from ingest.formats.completion.request_type import TYPES_OF_OBJECTS, UNKNOWN_TYPE, inferred_request_type
from ingest.formats.json import decode_errors
from ingest.model.rejection import Refused

_AGGREGATES: Final = frozenset({"batch", "page", "bucket"})
"""Values of `object` for sums over many calls, besides the results of usage reports."""
_AGGREGATE_TYPES: Final = frozenset({"result", "session"})
"""Values of `type` for the sum of an agent's session."""
_RESOURCES: Final = frozenset(
    {
        *("assistant", "thread", "conversation", "chatkit", "model", "project", "skill"),
        *("file", "upload", "vector_store", "container", "fine_tuning", "fine-tune", "eval"),
    }
)
"""First parts of `object` for what is kept, or worked on, beside the calls.

A run of an assistant is a call: its usage is that of all its calls. Its steps (`thread.run.step`) repeat it.
"""
REQUESTS: Final = frozenset(
    f"{resource}_{verb}"
    for resource, verbs in (
        ("batch", "create list retrieve cancel delete"),
        ("file", "upload list retrieve delete content"),
        ("container_file", "create list retrieve delete content"),
        ("container", "list retrieve delete"),
        ("cached_content", "create list retrieve update delete"),
    )
    for verb in verbs.split()
) | {"list_models", "count_tokens"}
"""The gateway's request types that use no model. A container is not among them: making it has a price."""


def refuse_no_call(body: Body) -> None:
    """Refuse a body that is no call.

    Raises:
        Refused: the body is a sum over many calls, or a resource.
    """
    name = body.object
    if body.type in _AGGREGATE_TYPES:
        raise _aggregate(body.type, "type")
    if name is None or name in TYPES_OF_OBJECTS:
        return
    if name in _AGGREGATES or name.startswith("organization."):
        raise _aggregate(name, "object")
    if name.partition(".")[0] in _RESOURCES or _has_nothing_of_a_call(body):
        raise Refused(
            "not_a_call",
            f"{decode_errors.safe_repr(name)} is the object of a resource, not of a call: send the responses",
            "object",
        )


def refuse_request(request_type: str | None) -> None:
    """Refuse an answer of the gateway to a request that uses no model.

    Raises:
        Refused: the request only lists, keeps or deletes something, or counts tokens.
    """
    if request_type in REQUESTS:
        raise Refused("not_a_call", f"{request_type} uses no model", "extra_fields.request_type")


def _aggregate(name: str | None, field: str) -> Refused:
    return Refused(
        "aggregate",
        f"{decode_errors.safe_repr(name)} is the {field} of a sum over many calls, not of a call: "
        "import the calls, or the output file of the batch",
        field,
    )


def _has_nothing_of_a_call(body: Body) -> bool:
    """Whether a body of an unknown kind has neither usage nor a result nor an error."""
    if body.usage is not None or body.error is not None or inferred_request_type(body) != UNKNOWN_TYPE:
        return False
    return not (is_present(body.output) or is_present(body.content) or is_present(body.pages))
