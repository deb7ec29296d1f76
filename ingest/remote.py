"""Remote paths: files in object stores and behind HTTP, through fsspec. Credentials come from the environment.

Whatever stands in a URL before `@` or after `?` may be a credential: it is used and never shown.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from ingest.unpacking import Unreadable

EXTRA: Final = "pip install 'tallybook[remote]'"
_REMOTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]+::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_BLOCK: Final = 4 * 2**20
_WEB: Final = ("http", "https")
_NOT_FOUND: Final = 404
_MAGIC: Final = re.compile(r"[*?\[]")
_REASONS: Final = (
    (FileNotFoundError, "there is no such file"),
    (PermissionError, "access is denied: are the credentials in the environment?"),
    (TimeoutError, "no answer in time"),
)


class OutOfReach(ValueError):
    """A remote path that cannot be read; the message says why, without credentials."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file out there."""

    path: str
    size: int | None
    open: Callable[[], BinaryIO]
    seekable: bool


def is_remote(path: str) -> bool:
    """Whether a path names something that is not in the file system."""
    return _REMOTE.match(path) is not None


def shown(url: str) -> str:
    """A URL without what may be a credential."""
    bare = url.partition("?")[0].partition("#")[0] if _is_web(url) else url
    return re.sub(r"(?<=://)[^/@]*@", "", bare)


def listed(url: str, wanted: Callable[[PurePosixPath], bool]) -> list[RemoteFile]:
    """The files that a URL means: itself, those that its pattern matches, or those below it that are wanted.

    Raises:
        OutOfReach: it does not exist, is not to be had, or needs a package that is not there.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise OutOfReach(f"{shown(url)}: remote paths need fsspec: {EXTRA}") from None
    try:
        system, path = url_to_fs(url)
        found = _found(system, path, url, wanted)
    except ImportError as error:
        raise OutOfReach(f"{shown(url)}: {error}: {EXTRA}") from None
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise OutOfReach(f"{shown(url)}: {_reason(error, url)}") from None
    scheme = url.partition("://")[0]
    return [_file(system, one, scheme, url) for one in found]


def _found(system: Any, path: str, url: str, wanted: Callable[[PurePosixPath], bool]) -> list[str]:
    if _is_web(url):
        return [path]  # a query is no pattern, and a web server lists nothing
    if _MAGIC.search(path):
        return [one for one in sorted(system.glob(path)) if not system.isdir(one)]
    if system.isfile(path):
        return [path]
    if not system.exists(path):
        raise FileNotFoundError
    below = path.rstrip("/") + "/"
    return [one for one in sorted(system.find(path)) if wanted(PurePosixPath(one.removeprefix(below)))]


def _file(system: Any, path: str, scheme: str, url: str) -> RemoteFile:
    name = shown(path if "://" in path else f"{scheme}://{path}")
    try:
        size = cast(int | None, system.size(path))
    except Exception as error:  # noqa: BLE001 - as above
        raise OutOfReach(f"{name}: {_reason(error, url)}") from None

    def open_it() -> BinaryIO:
        try:
            return cast(BinaryIO, _Remote(system.open(path, "rb", block_size=_BLOCK if size else 0), url))
        except Exception as error:  # noqa: BLE001 - as above
            raise Unreadable(_reason(error, url)) from None

    return RemoteFile(name, size, open_it, seekable=bool(size))


def _is_web(url: str) -> bool:
    return url.partition("://")[0].lower() in _WEB


def _reason(error: Exception, url: str) -> str:
    """What went wrong, without the URL and what it holds."""
    status = getattr(error, "status", None) or getattr(error.__cause__, "status", None)
    if status is not None and status != _NOT_FOUND:
        return f"the server answers {status}"
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    said = str(error)
    for secret in _secrets(url):
        said = said.replace(secret, "...")
    said = re.sub(r"https?://\S+", "...", said)
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__


def _secrets(url: str) -> list[str]:
    parts = urlsplit(url)
    return [one for one in (url, parts.netloc.rpartition("@")[0], parts.password, parts.query) if one]


class _Remote(io.RawIOBase):
    """A file out there; whatever a store raises becomes one error."""

    def __init__(self, file: Any, url: str) -> None:
        self._file = file
        self._url = url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._guarded(lambda: self._file.seek(offset, whence)))

    def read(self, size: int = -1, /) -> bytes:
        return bytes(self._guarded(lambda: self._file.read(size)))

    def readinto(self, buffer: Any, /) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _guarded(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - as above
            raise Unreadable(f"reading stopped: {_reason(error, self._url)}") from None
