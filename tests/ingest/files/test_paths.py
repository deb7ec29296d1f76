"""Paths: which files of a folder are read, and which files can be named."""

import os
import threading
from pathlib import Path

import pytest

from ingest.files.archives import members
from ingest.files.passed_over import PassedOver
from ingest.files.paths import NoSuchPath, sources
from ingest.files.reader import FileReader
from ingest.framing import RawRecord


def names(folder: Path, passed_over: PassedOver | None = None) -> list[str]:
    return [source.path.removeprefix(f"{folder}/") for source in sources([str(folder)], passed_over)]


def content(path: Path | str) -> list[bytes]:
    """The records of a file that is named."""
    (source,) = sources([str(path)])
    (member,) = members(source)
    with FileReader(member) as reading:
        batches = reading.batches(10, lambda _: None)
        return [record.raw for batch in batches for record in batch if isinstance(record, RawRecord)]


def test_a_link_that_leads_out_of_the_folder_is_not_followed_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("{}")
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.jsonl").write_text("{}")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "gone.jsonl").symlink_to("nowhere.jsonl")
    (folder / "circle.jsonl").symlink_to("circle.jsonl")
    (folder / "up").symlink_to(tmp_path)
    passed_over = PassedOver()
    assert names(folder, passed_over) == ["a.jsonl"]
    kinds = {reason: sorted(kind.first) for reason, kind in passed_over.kinds.items()}
    assert kinds == {
        "links to folders": ["up"],
        "links that lead out of the folder or to nothing": ["circle.jsonl", "gone.jsonl", "out.txt"],
    }


def test_a_link_within_the_folder_and_a_folder_named_by_a_link_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "a.log.1").write_text("{}")
    (folder / "today.log").symlink_to("old/a.log.1")
    (tmp_path / "named").symlink_to(folder)
    assert names(folder) == names(tmp_path / "named") == ["today.log"]


def test_a_file_outside_is_read_where_a_link_to_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    assert content(tmp_path / "link") == [b"{}"]


def test_hidden_folders_and_other_names_are_counted(tmp_path: Path) -> None:
    for name in ("a.jsonl", ".git/x.json", ".h.jsonl", "notes.md", "b/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    os.mkfifo(tmp_path / "pipe.jsonl")
    passed_over = PassedOver()
    assert names(tmp_path, passed_over) == ["a.jsonl", "b/c.csv"]
    assert sorted(passed_over.lines()) == [
        "1 files whose names do not end as files of records do: notes.md",
        "1 hidden files: .h.jsonl",
        "1 hidden folders: .git",
        "1 pipes and devices: pipe.jsonl",
    ]


def test_a_name_that_is_not_utf8_is_shown_with_escapes(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/odd\xff\n\x1b.jsonl", "wb") as file:  # noqa: PTH123 - a name of bytes
        file.write(b"{}\n")
    (source,) = sources([str(tmp_path)])
    assert source.path == rf"{tmp_path}/odd\xff\n\x1b.jsonl"
    with FileReader(source) as reading:
        assert [len(batch) for batch in reading.batches(10, lambda _: None)] == [1]


def test_a_pipe_is_opened_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"{}\n" * 3,))
    writer.start()
    assert content(pipe) == [b"{}"] * 3
    writer.join()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/random"])
def test_a_device_is_refused(device: str) -> None:
    with pytest.raises(NoSuchPath, match="this is a device"):
        sources([device])


@pytest.mark.parametrize("path", ["", "a\0b", "/nowhere/at\x1ball"])
def test_a_path_that_cannot_be_is_refused(path: str) -> None:
    with pytest.raises(NoSuchPath) as refused:
        sources([path])
    assert str(refused.value).isprintable()
