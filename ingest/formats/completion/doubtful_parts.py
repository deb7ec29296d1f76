"""Doubtful parts: parts of the tokens that cannot be true although their whole is certain.

A whole is certain where the stated total confirms it, or where the source states the cost. Then the parts
that do not fit are dropped and the call is flagged. Otherwise nothing is certain: `ingest.model.event.check`
refuses the call.
"""

from operator import attrgetter
from typing import Final, TypeVar

from msgspec.structs import replace

from ingest.formats.completion.usage import Meters
from ingest.model import flags
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused

Counts = TypeVar("Counts", Meters, UsageEvent)

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


def settle(
    counts: Counts, stated_total: int | None, total_at: str, *, billed: bool
) -> tuple[Counts, tuple[str, ...]]:
    """`counts` without the parts that do not fit their whole, and the flags of the call.

    `stated_total` is the total of all tokens as the source states it, `total_at` its path in the record.
    `billed` says whether the source states a cost that is believed: then input and output stand where the
    total is not their sum.

    Raises:
        Refused: a part is negative and the whole is not certain, or nothing says what the rest of the total
            is, and no cost is stated.
    """
    found: tuple[str, ...] = ()
    if not _fits(counts):
        counts, found = _without_misfits(counts, stated_total, billed=billed)
    if gap := _total_gap(counts):
        if billed:
            tokens = (counts.input_tokens or 0) + (counts.output_tokens or 0)
            return replace(counts, total_tokens=tokens), (*found, flags.TOTAL_DISAGREES)
        if gap > 0 and counts.audio_ms is None:  # audio that is counted in seconds may be in the total alone
            raise _unknown_rest(counts, gap, total_at)
    return counts, found


def _without_misfits(
    counts: Counts, stated_total: int | None, *, billed: bool
) -> tuple[Counts, tuple[str, ...]]:
    """`counts` without the parts that do not fit, if the whole is certain. Otherwise the call is refused."""
    tokens = (counts.input_tokens or 0) + (counts.output_tokens or 0)
    misfits, overlap = _misfits(counts)
    if not billed and (not stated_total or stated_total != tokens):
        _refuse_negative(counts, misfits)
        return counts, ()
    found = [flags.PART_DROPPED] if misfits else []
    if overlap:
        misfits |= set(_CACHE)
        found.append(flags.CACHE_OVERLAP)
    if not misfits.isdisjoint(_WHOLES_OF_CACHE_READS):
        misfits |= set(_CACHE_READS)
    if "cache_write_tokens" in misfits:
        misfits |= set(_CACHE_WRITES)
    return replace(counts, **dict.fromkeys(misfits)), tuple(found)


def _total_gap(counts: Meters | UsageEvent) -> int:
    """What the total holds beyond input and output, below 0 where it holds less.

    A total beside one of them alone, or beside none, may hold the other.
    """
    if counts.total_tokens is None:
        return 0
    gap = counts.total_tokens - (counts.input_tokens or 0) - (counts.output_tokens or 0)
    return 0 if gap > 0 and None in {counts.input_tokens, counts.output_tokens} else gap


def _unknown_rest(counts: Meters | UsageEvent, gap: int, total_at: str) -> Refused:
    return Refused(
        "total_disagrees",
        f"{total_at} is {counts.total_tokens}, but input and output are {counts.input_tokens} and "
        f"{counts.output_tokens}: nothing says what the other {gap} tokens are",
        total_at,
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


def _fits(counts: Meters | UsageEvent) -> bool:
    """Whether all parts fit; a quick look, for nearly all calls have only such parts."""
    stated = _stated_parts(counts)
    if not any(stated):
        return True
    parts = [part or 0 for part in stated]
    tokens_in, tokens_out = counts.input_tokens or 0, counts.output_tokens or 0
    return (
        min(parts) >= 0
        and parts[0] + parts[1] + parts[2] <= tokens_in
        and parts[3] + parts[4] <= tokens_in
        and parts[5] + parts[6] <= parts[4]
        and parts[7] + parts[8] + parts[9] <= tokens_out
        and max(parts[10:]) <= tokens_out
    )


def _misfits(counts: Meters | UsageEvent) -> tuple[set[str], bool]:
    """The parts that are negative or do not fit their whole, and whether cache reads and writes overlap.

    Of parts that are too large together, all are doubtful.
    """
    whole_in, whole_out = counts.input_tokens or 0, counts.output_tokens or 0
    misfits = _larger(counts, _CACHE, whole_in)
    overlap = not misfits and _sum(counts, _CACHE) > whole_in
    for names, whole in ((_INPUT_MODALITIES, whole_in), (_OUTPUT_MODALITIES, whole_out)):
        larger = _larger(counts, names, whole)
        misfits |= larger or (set(names) if _sum(counts, names) > whole else set())
    misfits |= _larger(counts, _OTHER_OUTPUT, whole_out)
    if _sum(counts, _CACHE_WRITES) > (counts.cache_write_tokens or 0):
        misfits |= set(_CACHE_WRITES)
    return {name for name in misfits if getattr(counts, name) is not None}, overlap


def _larger(counts: Meters | UsageEvent, names: tuple[str, ...], whole: int) -> set[str]:
    return {name for name in names if not 0 <= (getattr(counts, name) or 0) <= whole}


def _sum(counts: Meters | UsageEvent, names: tuple[str, ...]) -> int:
    return sum(getattr(counts, name) or 0 for name in names)


def _refuse_negative(counts: Meters | UsageEvent, misfits: set[str]) -> None:
    for name in _PARTS:
        if name in misfits and getattr(counts, name) < 0:
            raise Refused(
                "impossible_count", f"{name} is {getattr(counts, name)}: a part cannot be below 0", name
            )
