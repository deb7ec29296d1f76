"""Archives: zip and tar files are the files in them, and what is damaged leaves its neighbours alone."""

import gzip
import io
import json
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ingest.files import archives
from ingest.files.archives import members
from ingest.files.passed_over import PassedOver
from ingest.files.paths import Source, sources
from ingest.files.reader import FileReader
from ingest.framing import RawRecord

Seen = dict[str, list[object]]


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"id": %d}\n' % number for number in numbers)


def seen(*paths: Path | str) -> Seen:
    """What each file holds: the ids of its records, or why there is none."""
    ids_by_path: Seen = {}
    for source in (member for one in sources(map(str, paths)) for member in members(one)):
        ids_by_path[source.path] = read(source)
    return ids_by_path


def read(source: Source) -> list[object]:
    with FileReader(source) as reading:
        records = [one for batch in reading.batches(10, lambda _: None) for one in batch]
    return [
        json.loads(record.raw)["id"] if isinstance(record, RawRecord) else record.refused.reason
        for record in records
    ]


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


FILES = {
    "a.jsonl": lines(1, 2),
    "logs/b.jsonl.gz": gzip.compress(lines(3)) + gzip.compress(lines(4)),
    "logs/c.csv": b"id,model\n5,m\n",
    "notes.md": b"# not records",
    "__MACOSX/._a.jsonl": b"\0\0",
    "logs/.hidden.json": b"{}",
}
HELD: Seen = {"/a.jsonl": [1, 2], "/logs/b.jsonl.gz": [3, 4], "/logs/c.csv": ["5"]}


def below(path: Path, ids_by_name: Seen) -> Seen:
    return {f"{path}{name}": ids for name, ids in ids_by_name.items()}


def test_each_member_of_a_zip_is_a_file_of_its_own(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", FILES)
    assert seen(path) == seen(tmp_path) == below(path, HELD)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_each_member_of_a_tar_is_a_file_of_its_own(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "export.tar.gz"
    path.write_bytes(pack(tarred(FILES)))
    assert seen(path) == seen(tmp_path) == below(path, HELD)


def test_an_archive_comes_through_a_pipe_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (zipped(tmp_path / "x.zip", FILES).read_bytes(), gzip.compress(tarred(FILES))):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert seen("-") == {f"-{name}": ids for name, ids in HELD.items()}


def test_an_encrypted_member_is_refused_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.jsonl": lines(1), "b.jsonl": lines(2)})
    content = bytearray(path.read_bytes())
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    content[local + 6] |= 1
    content[central + 8] |= 1
    path.write_bytes(content)
    assert seen(path) == below(
        path, {"/a.jsonl": ["it is encrypted: unpack the archive with its password first"], "/b.jsonl": [2]}
    )


def test_a_damaged_member_is_refused_after_what_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jsonl", lines(1))
        archive.writestr("b.jsonl", lines(2))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'{"id": 1}', b'{"id": 7}'))
    ids = seen(path)
    assert ids[f"{path}/b.jsonl"] == [2]
    assert "it is damaged: Bad CRC-32" in str(ids[f"{path}/a.jsonl"][-1])


@pytest.mark.parametrize("cut", [30, 100, 300])
def test_a_zip_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    path = zipped(tmp_path / "x.zip", FILES)
    path.write_bytes(path.read_bytes()[:-cut])
    assert "the zip archive is damaged" in str(seen(path)[str(path)])


@pytest.mark.parametrize("kept", [512 + 5, 1024, 1024 + 300])
def test_a_tar_that_was_cut_is_refused_after_what_could_be_read(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tarred({"a.jsonl": lines(1), "b.jsonl": lines(2)})[:kept])
    assert "damaged" in str(list(seen(path).values())[-1])


def test_a_tar_with_a_broken_header_is_refused_there(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    content = bytearray(tarred({"a.jsonl": lines(1), "b.jsonl": lines(2)}))
    content[1024 + 10] ^= 0xFF
    path.write_bytes(content)
    ids = seen(path)
    assert ids[f"{path}/a.jsonl"] == [1]
    assert "the tar archive is damaged here" in str(ids[str(path)])


def test_an_archive_in_an_archive_and_one_without_records_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"inner.zip": b"PK", "a.jsonl": lines(1)})
    assert seen(path)[f"{path}/inner.zip"] == [
        "an archive in an archive is not read: unpack the outer one first"
    ]
    empty = zipped(tmp_path / "y.zip", {"readme.md": b""})
    assert seen(empty) == {str(empty): ["no file of records is in it"]}
    book = zipped(tmp_path / "z.xlsx", {"[Content_Types].xml": b"", "xl/sheet.xml": b""})
    assert seen(book) == {str(book): ["this is a workbook: save its sheet as CSV"]}


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file states a size beyond what is allowed, so nothing of it is unpacked."""
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 2**20)
    bomb = lines(1) + b" " * 2**23
    for path, content in (
        (tmp_path / "x.zip", b""),
        (tmp_path / "x.tgz", gzip.compress(tarred({"a.jsonl": bomb}))),
    ):
        if content:
            path.write_bytes(content)
        else:
            zipped(path, {"a.jsonl": bomb, "b.jsonl": bomb})
        for reasons in seen(path).values():
            (reason,) = reasons
            assert "its packing is a trap" in str(reason)


def test_a_bomb_that_hides_its_size_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file in an archive states the size of what is packed."""
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 2**20)
    bomb = gzip.compress(lines(1) + b" " * 2**24)
    path = zipped(tmp_path / "x.zip", {"a.jsonl.gz": bomb, "b.jsonl.gz": bomb})
    assert "its packing is a trap" in str(seen(path)[f"{path}/a.jsonl.gz"][-1])
    assert len(seen(path)) == 1, "nothing more of the archive is unpacked"


def test_a_member_is_unpacked_in_constant_memory(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.jsonl": (lines(1) + b" " * 900) * 40_000})
    tracemalloc.start()
    ids = 0
    for source in members(sources([str(path)])[0]):
        with FileReader(source) as reading:
            ids += sum(len(batch) for batch in reading.batches(1000, lambda _: None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ids == 40_000
    assert peak < 24 * 2**20


def tar_header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(format=tarfile.GNU_FORMAT)


@pytest.mark.parametrize("size", [2**40, 2**62])
def test_a_file_larger_than_its_archive_may_unpack_to_is_refused_by_its_header(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tarred({"a.jsonl": lines(1)})[:1024] + tar_header("b.jsonl", size) + bytes(4_096))
    ids = seen(path)
    assert ids[f"{path}/a.jsonl"] == [1]
    assert "its packing is a trap" in str(ids[f"{path}/b.jsonl"])


def test_a_tar_that_ends_within_a_file_that_is_passed_over_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar_header("video.mp4", 10**8) + bytes(20_000))
    assert seen(path) == {str(path): ["the tar archive is damaged here: it is cut"]}


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME], ids=["attributes", "a long name"]
)
def test_a_header_without_end_does_not_fill_the_memory(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(tar_header("x", 2**28, kind) + bytes(2**26)))
    tracemalloc.start()
    ids = seen(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "a header in it is longer than any name" in str(ids)
    assert peak < 16 * 2**20


def test_headers_within_headers_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar_header("x", 0, tarfile.XHDTYPE) * 1_500 + bytes(1_024))
    assert "the tar archive is damaged here" in str(seen(path))


def test_links_and_devices_of_a_tar_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("a.jsonl", tarfile.SYMTYPE), ("b.jsonl", tarfile.CHRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/shadow"
            archive.addfile(entry)
        entry = tarfile.TarInfo("c.jsonl")
        entry.size = len(lines(1))
        archive.addfile(entry, io.BytesIO(lines(1)))
    passed_over = PassedOver()
    (source,) = members(sources([str(path)])[0], passed_over)
    assert source.path == f"{path}/c.jsonl"
    assert passed_over.lines() == ["1 links in the archive: a.jsonl", "1 pipes and devices: b.jsonl"]


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "tar"])
def test_names_that_are_not_read_are_counted(tmp_path: Path, is_zip: bool) -> None:
    files = {"../up.jsonl": lines(1), ".hidden.jsonl": lines(2), "notes.md": b"", "a.jsonl": lines(3)}
    path = tmp_path / "x"
    if is_zip:
        zipped(path, files)
    else:
        path.write_bytes(tarred(files))
    passed_over = PassedOver()
    assert [one.path for one in members(sources([str(path)])[0], passed_over)] == [f"{path}/a.jsonl"]
    assert passed_over.lines() == [
        "1 files whose names lead out of the archive: ../up.jsonl",
        "1 hidden files: .hidden.jsonl",
        "1 files whose names do not end as files of records do: notes.md",
    ]


def test_two_files_of_the_same_name_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", lines(1))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jsonl", lines(2))
    found = [read(one) for one in members(sources([str(path)])[0])]
    assert found == [[1], [2]]


def test_a_name_in_an_archive_is_shown_with_escapes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a\x1b[2J\n.jsonl": lines(1)})
    assert seen(path) == {rf"{path}/a\x1b[2J\n.jsonl": [1]}
