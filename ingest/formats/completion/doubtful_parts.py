"""Doubtful parts: parts of the tokens that cannot be true although their whole is certain.

A whole is certain where the stated total confirms it, or where the source states the cost. Then the parts
that do not fit are dropped and the call is flagged. Otherwise nothing is certain: `ingest.model.event.check`
refuses the call.
"""

from operator import attrgetter
from typing import Final

from msgspec.structs import replace

from ingest.formats.completion.usage import Meters
from ingest.model import flags
from ingest.model.rejection import Refused

_INPUT_MODALITIES: Final = ("input_text_tokens", "input_audio_tokens", "input_image_tokens")
_OUTPUT_MODALITIES: Final = ("output_text_tokens", "output_audio_tokens", "output_image_tokens")
_OTHER_OUTPUT: Final = (
    *("reasoning_tokens", "citation_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"),
)
_CACHE: Final = ("cache_read_tokens", "cache_write_tokens")
_CACHE_READS: Final = ("cache_read_audio_tokens", "cache_read_image_tokens")
_WHOLES_OF_CACHE_READS: Final = ("cache_read_tokens", *_INPUT_MODALITIES)
_CACHE_WRITES: Final = ("cache_write_5m_tokens", "cache_write_1h_tokens")
_PARTS: Final = (*_INPUT_MODALITIES, *_CACHE, *_CACHE_WRITES, *_OUTPUT_MODALITIES, *_OTHER_OUTPUT)
_stated_parts = attrgetter(*_PARTS)


def settle(meters: Meters, stated_total: int | None, *, billed: bool) -> tuple[Meters, tuple[str, ...]]:
    """`meters` without the parts that do not fit their whole, and the flags of the call.

    `stated_total` is the total of all tokens as the source states it. `billed` says whether the source
    states the cost.

    Raises:
        Refused: a part is negative, and the whole is not certain.
    """
    if _fits(meters):
        return meters, ()
    tokens = (meters.input_tokens or 0) + (meters.output_tokens or 0)
    certain = billed or (bool(stated_total) and stated_total == tokens)
    misfits, overlap = _misfits(meters)
    found = [flags.PART_DROPPED] if misfits else []
    if certain and overlap:
        misfits |= set(_CACHE)
        found.append(flags.CACHE_OVERLAP)
    if misfits and not certain:
        _refuse_negative(meters, misfits)
        return meters, ()
    if not misfits.isdisjoint(_WHOLES_OF_CACHE_READS):
        misfits |= set(_CACHE_READS)
    if "cache_write_tokens" in misfits:
        misfits |= set(_CACHE_WRITES)
    if misfits:
        meters = replace(meters, **dict.fromkeys(misfits))
    return meters, tuple(found)


def total_gap(meters: Meters) -> int:
    """What the total holds beyond input and output; 0 where one of the three is not stated."""
    if meters.total_tokens is None or meters.input_tokens is None or meters.output_tokens is None:
        return 0
    return meters.total_tokens - meters.input_tokens - meters.output_tokens


def refuse_unknown_rest(meters: Meters, field: str) -> None:
    """Refuse a total that holds more than input and output; `field` is its path in the record.

    A total that holds less is refused by the check of every event.

    Raises:
        Refused: nothing says what the rest of the total is.
    """
    if (gap := total_gap(meters)) > 0:
        raise Refused(
            "total_disagrees",
            f"{field} is {meters.total_tokens}, but input and output are {meters.input_tokens} and "
            f"{meters.output_tokens}: nothing says what the other {gap} tokens are",
            field,
        )


def thoughts_outside(total: int | None, tokens_in: int, tokens_out: int, thoughts: int | None) -> int:
    """How many of Google's thoughts are outside the output, by the total.

    They stand beside the output, unless the total has no room for them. Where they are not stated, they are
    what the total holds beyond input and output.
    """
    rest = (total or 0) - tokens_in - tokens_out
    if thoughts is None:
        return max(rest, 0)
    return 0 if total and rest == 0 and thoughts <= tokens_out else thoughts


def _fits(meters: Meters) -> bool:
    """Whether all parts fit; a quick look, for nearly all calls have only such parts."""
    stated = _stated_parts(meters)
    if not any(stated):
        return True
    parts = [part or 0 for part in stated]
    tokens_in, tokens_out = meters.input_tokens or 0, meters.output_tokens or 0
    return (
        min(parts) >= 0
        and parts[0] + parts[1] + parts[2] <= tokens_in
        and parts[3] + parts[4] <= tokens_in
        and parts[5] + parts[6] <= parts[4]
        and parts[7] + parts[8] + parts[9] <= tokens_out
        and max(parts[10:]) <= tokens_out
    )


def _misfits(meters: Meters) -> tuple[set[str], bool]:
    """The parts that are negative or do not fit their whole, and whether cache reads and writes overlap.

    Of parts that are too large together, all are doubtful.
    """
    whole_in, whole_out = meters.input_tokens or 0, meters.output_tokens or 0
    misfits = _larger(meters, _CACHE, whole_in)
    overlap = not misfits and _sum(meters, _CACHE) > whole_in
    for names, whole in ((_INPUT_MODALITIES, whole_in), (_OUTPUT_MODALITIES, whole_out)):
        larger = _larger(meters, names, whole)
        misfits |= larger or (set(names) if _sum(meters, names) > whole else set())
    misfits |= _larger(meters, _OTHER_OUTPUT, whole_out)
    if _sum(meters, _CACHE_WRITES) > (meters.cache_write_tokens or 0):
        misfits |= set(_CACHE_WRITES)
    return {name for name in misfits if getattr(meters, name) is not None}, overlap


def _larger(meters: Meters, names: tuple[str, ...], whole: int) -> set[str]:
    return {name for name in names if not 0 <= (getattr(meters, name) or 0) <= whole}


def _sum(meters: Meters, names: tuple[str, ...]) -> int:
    return sum(getattr(meters, name) or 0 for name in names)


def _refuse_negative(meters: Meters, misfits: set[str]) -> None:
    for name in _PARTS:
        if name in misfits and getattr(meters, name) < 0:
            raise Refused(
                "impossible_count", f"{name} is {getattr(meters, name)}: a part cannot be below 0", name
            )
