"""Files of folders and archives that are not read: how many, why, and the names of the first."""

from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Final

_FIRST: Final = 5


@dataclass(slots=True)
class Kind:
    """Files that are passed over for the same reason."""

    files: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PassedOver:
    """The files that were passed over so far, by reason."""

    kinds: dict[str, Kind] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Count a file; `reason` names files of its kind, such as `hidden files`."""
        kind = self.kinds.setdefault(reason, Kind())
        kind.files += 1
        if len(kind.first) < _FIRST:
            kind.first.append(name)

    def add_by_name(self, name: str) -> None:
        """Count a file that is passed over for its name."""
        parts = PurePosixPath(name).parts
        if ".." in parts:
            self.add("files whose names lead out of the archive", name)
        elif is_hidden(PurePosixPath(name)):
            self.add("hidden files", name)
        else:
            self.add("files whose names do not end as files of records do", name)

    def lines(self) -> list[str]:
        """What was passed over, a line for each reason."""
        return [f"{kind.files:,} {reason}: {_names(kind)}" for reason, kind in self.kinds.items()]

    def note(self) -> str:
        """The same as an end of a sentence; empty if nothing was passed over."""
        return f" (not read: {'; '.join(self.lines())})" if self.kinds else ""


def is_hidden(path: PurePath) -> bool:
    """Whether a file or a folder above it is hidden, or one that a Mac adds to archives."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _names(kind: Kind) -> str:
    more = ", ..." if kind.files > len(kind.first) else ""
    return ", ".join(kind.first) + more
