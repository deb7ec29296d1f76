"""Hostile files: what may lie in a folder that someone imports, on purpose or by accident."""

import gzip
import io
import itertools
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from tests.attacks.bodies import HUGE_EXPONENT, good

POISON: Final = (
    b'{"traceId":"%s","spanId":"eee19b7ec3c1b174","attributes":{"x":%s}}' % (b"5b" * 16, HUGE_EXPONENT.encode()),
    b'{"generation_id":"g","created_at":"2026-03-30 02:37:51.271","cost_total":1,"byok_usage_inference":0.1e2147483648}',
    b'{"id":"n","usage":{"prompt_tokens":%s}}' % HUGE_EXPONENT.encode(),
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"x","value":{"doubleValue":%s}}]}]}]}]}'
    % HUGE_EXPONENT.encode(),
)  # fmt: skip
"""Records that parsers choke on."""
ESCAPES: Final = "\x1b]0;owned\x07\x1b[2J"
"""What a terminal would obey."""
OUTSIDE: Final = "outside"
"""The name of a folder beside the imported one, which holds good records that nobody named."""


@dataclass(frozen=True)
class HostileFile:
    """Something in a folder that is imported, between two good files."""

    name: str
    make: Callable[[Path], object]
    """Put it into the folder."""
    accepted: int = 0
    """The good records in it, which count."""


def lines(*numbers: int) -> bytes:
    return b"".join(good(number) + b"\n" for number in numbers)


def _file(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _zip(members: dict[str, bytes], name: str = "m.zip") -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)

    return make


def _tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
    return buffer.getvalue()


def _entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


def _tar_of_a_huge_member(size: int) -> bytes:
    """A header that says more than there is, and little after it."""
    entry = _entry("huge.jsonl", size)
    return entry.tobuf(tarfile.GNU_FORMAT) + good(700) + b"\n" * 512


def _tar_of_everything() -> bytes:
    """Links, a FIFO, a device and names that leave the folder, beside a good member."""
    content = lines(701)
    return _tar(
        (_entry("good.jsonl", len(content)), content),
        (_entry("link.jsonl", kind=tarfile.SYMTYPE, link="/etc/passwd"), b""),
        (_entry("hard.jsonl", kind=tarfile.LNKTYPE, link="../../etc/passwd"), b""),
        (_entry("pipe.jsonl", kind=tarfile.FIFOTYPE), b""),
        (_entry("device.jsonl", kind=tarfile.CHRTYPE), b""),
        (_entry("folder.jsonl", kind=tarfile.DIRTYPE), b""),
    )


def _zip_that_lies(folder: Path) -> None:
    """A zip whose headers state another size than its member has."""
    _zip({"a.jsonl": lines(702)})(folder)
    path = folder / "m.zip"
    packed = path.read_bytes().replace(struct.pack("<I", len(lines(702))), struct.pack("<I", 2**31 - 1))
    path.write_bytes(packed)


def _cut_zip(folder: Path) -> None:
    _zip({"a.jsonl": lines(711)})(folder)
    os.truncate(folder / "m.zip", 90)


def _zip_in_a_zip(folder: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.jsonl", lines(703))
    _zip({"inner.zip": inner.getvalue()})(folder)


def _link(name: str, target: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(target)


def _link_to_outside(folder: Path) -> None:
    outside = folder.parent / OUTSIDE
    outside.mkdir()
    (outside / "theirs.jsonl").write_bytes(lines(704))
    (folder / "m.jsonl").symlink_to(outside / "theirs.jsonl")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "m.jsonl")


def _odd_name(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/odd\xff\xfe.jsonl")).write_bytes(lines(705))


def _poisoned(count: int) -> bytes:
    before, after = lines(*range(1_000, 1_000 + count)), lines(*range(2_000, 2_000 + count))
    return before + b"\n".join(POISON) + b"\n" + after


_ROWS: Final = b'id,model,prompt_tokens\n"' + b"x\n" * 3_000
_PAGE: Final = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{}] * 1_000}]}]}).encode()

FILES: Final = (
    HostileFile("numbers that no decimal holds", _file("m.jsonl", _poisoned(50)), 100),
    HostileFile("nonsense by the thousand", _file("m.jsonl.gz", gzip.compress(b"x\n" * 5_000 + lines(706))), 1),
    HostileFile("other nonsense on each line", _file("m.jsonl", b"".join(b"%d\n" % n for n in range(3_000)) + lines(707)), 1),
    HostileFile("a tar that says 1 TiB", _file("m.tar", _tar_of_a_huge_member(2**40))),
    HostileFile("a packed tar that says 2 EiB", _file("m.tgz", gzip.compress(_tar_of_a_huge_member(2**61)))),
    HostileFile("a tar of links, pipes and devices", _file("m.tar", _tar_of_everything()), 1),
    HostileFile("a zip of empty files", _zip({f"{n}.jsonl": b"" for n in range(400)})),
    HostileFile("a zip with names that leave it", _zip({"../up.jsonl": lines(708), "/etc/root.jsonl": lines(709), "a.jsonl": lines(710)}), 2),
    HostileFile("a zip whose sizes lie", _zip_that_lies),
    HostileFile("a zip in a zip", _zip_in_a_zip),
    HostileFile("a zip bomb", _zip({"a.jsonl": b" " * 40_000_000})),
    HostileFile("a zip that is cut", _cut_zip),
    HostileFile("gzip that is cut", _file("m.jsonl.gz", gzip.compress(lines(712))[:-9]), 1),
    HostileFile("zstd that is none", _file("m.jsonl.zst", zstandard.compress(lines(713))[:12] + b"\xff" * 99)),
    HostileFile("a link to a file outside", _link_to_outside),
    HostileFile("a link to a folder around it", _link("m", "..")),
    HostileFile("a link to itself", _link("m.jsonl", "m.jsonl")),
    HostileFile("a link to nothing", _link("m.jsonl", "/nowhere")),
    HostileFile("a link to a device", _link("m.jsonl", "/dev/zero")),
    HostileFile("a pipe that nobody writes", _pipe),
    HostileFile("a name that is no UTF-8", _odd_name, 1),
    HostileFile("a name that a terminal obeys", _file(f"m{ESCAPES}.jsonl", lines(714) + b"x\n"), 1),
    HostileFile("texts that a terminal obeys", _file("m.jsonl", json.dumps({"id": ESCAPES, "model": ESCAPES, "usage": ESCAPES}).encode())),
    HostileFile("a quote that never ends", _file("m.csv", _ROWS)),
    HostileFile("a header of 20,000 columns", _file("m.csv", b",".join(b"c%d" % n for n in range(20_000)) + b"\n1\n")),
    HostileFile("Parquet that is none", _file("m.parquet", b"PAR1" + b"\xff" * 99 + b"PAR1")),
    HostileFile("nothing but NULs", _file("m.jsonl", b"\0" * 9_999)),
    HostileFile("a byte order mark alone", _file("m.jsonl", b"\xef\xbb\xbf")),
    HostileFile("brackets in brackets", _file("m.json", b"[" * 100_000)),
    HostileFile("a page of spans of nothing", _file("m.json", _PAGE)),
    HostileFile("a stream that is cut", _file("m.sse", b'data: {"id":"s","object":"chat.completion.chunk","choi')),
    HostileFile("a folder with the name of a file", lambda folder: (folder / "m.jsonl").mkdir()),
)  # fmt: skip


def yaml_bomb(levels: int) -> str:
    """Aliases of aliases: nine entries in each level, and as many times more nodes."""
    names = [f"a{level}" for level in range(levels)]
    rows = [f"{names[0]}: &{names[0]} [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in itertools.pairwise(names)]
    return "\n".join(rows) + "\n"


COMMANDS: Final[dict[str, tuple[tuple[str, ...], str, bytes]]] = {
    "prices import: aliases of aliases": (("prices", "import", "f.yaml"), "f.yaml", yaml_bomb(9).encode()),
    "prices import: a tag that makes objects": (("prices", "import", "f.yaml"), "f.yaml", b"!!python/object/apply:os.system ['touch owned']\n"),
    "prices import: a huge exponent": (("prices", "import", "f.json"), "f.json", b'{"m":{"input_cost_per_token":%s}}' % HUGE_EXPONENT.encode()),
    "prices import: brackets in brackets": (("prices", "import", "f.json"), "f.json", b"[" * 50_000),
    "directory import: brackets in brackets": (("directory", "import", "f.json"), "f.json", b"[" * 50_000),
    "directory import: a huge exponent": (("directory", "import", "f.json"), "f.json", b'{"governance":%s}' % HUGE_EXPONENT.encode()),
    "directory import: bytes that are no text": (("directory", "import", "f.csv"), "f.csv", b"\xff\xfe\0" * 99),
    "invoice import: a huge exponent": (("invoice", "import", "f.csv"), "f.csv", b"provider,month,amount\nacme,2026-10,%s\n" % HUGE_EXPONENT.encode()),
    "invoice import: a huge exponent in JSON": (("invoice", "import", "f.json"), "f.json", b'[{"provider":"acme","month":"2026-10","amount":%s}]' % HUGE_EXPONENT.encode()),
    "invoice import: brackets in brackets": (("invoice", "import", "f.json"), "f.json", b"[" * 50_000),
    "rates import: a huge exponent": (("rates", "import", "f.csv"), "f.csv", b"currency,date,rate\nEUR,2026-10-01,%s\n" % HUGE_EXPONENT.encode()),
    "import --inspect: numbers that no decimal holds": (("import", "--inspect", "f.jsonl"), "f.jsonl", b"\n".join(POISON) + b'\n{"x":%s}\n' % HUGE_EXPONENT.encode()),
    "import --mapping: numbers that no decimal holds": (("import", "--mapping", "map.toml", "f.jsonl"), "f.jsonl", b'{"id":"1","at":"2026-09-21T14:13:20Z","model":"m","tokens":%s}\n{"id":"2","at":"2026-09-21T14:13:20Z","model":"m","tokens":10}\n' % HUGE_EXPONENT.encode()),
    "import: a device that never ends": (("import", "/dev/zero"), "f.jsonl", b""),
    "import: a file that is not there": (("import", "nowhere.jsonl"), "f.jsonl", b""),
}  # fmt: skip
"""Commands with a hostile file: their words, the name of the file and its content."""
MAPPING: Final = """source = "fuzz"
[event]
occurred_at = "at"
model = "model"
event_id = "id"
input_tokens = "tokens"
"""
