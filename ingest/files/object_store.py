"""Remote paths: files in object stores and behind HTTP, with credentials from the environment.

The parts of a URL before `@` and after `?` may be credentials. They are used, and never shown.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from ingest.framing.decompression import Unreadable

EXTRA: Final = "pip install 'tallybook[remote]'"
_REMOTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]+::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_BLOCK: Final = 4 * 2**20
_WEB: Final = ("http", "https")
_NOT_FOUND: Final = 404
_WILDCARD: Final = re.compile(r"[*?\[]")
_REASONS: Final = (
    (FileNotFoundError, "there is no such file"),
    (PermissionError, "access is denied: are the credentials in the environment?"),
    (TimeoutError, "no answer in time"),
)


class RemoteError(ValueError):
    """A remote path that is not readable; the message gives the reason, without credentials."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A remote file."""

    path: str
    size: int | None
    open: Callable[[], BinaryIO]
    seekable: bool


def is_remote(path: str) -> bool:
    """Whether a path is a URL, not a path of the local file system."""
    return _REMOTE.match(path) is not None


def redacted_url(url: str) -> str:
    """A URL without credentials."""
    bare = url.partition("?")[0].partition("#")[0] if _is_web(url) else url
    return re.sub(r"(?<=://)[^/@]*@", "", bare)


def list_files(url: str, is_wanted: Callable[[PurePosixPath], bool]) -> list[RemoteFile]:
    """The files of a URL: the file itself, the matches of its pattern, or the wanted files below it.

    Raises:
        RemoteError: the URL does not exist, is not accessible, or needs a package that is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise RemoteError(f"{redacted_url(url)}: remote paths need fsspec: {EXTRA}") from None
    try:
        system, path = url_to_fs(url)
        paths = _matching_paths(system, path, url, is_wanted)
    except ImportError as error:
        raise RemoteError(f"{redacted_url(url)}: {error}: {EXTRA}") from None
    except Exception as error:  # noqa: BLE001 - every store has its own errors
        raise RemoteError(f"{redacted_url(url)}: {_reason(error, url)}") from None
    scheme = url.partition("://")[0]
    return [_file(system, file_path, scheme, url) for file_path in paths]


def _matching_paths(
    system: Any, path: str, url: str, is_wanted: Callable[[PurePosixPath], bool]
) -> list[str]:
    if _is_web(url):
        return [path]  # a query is not a pattern, and a web server lists no files
    if _WILDCARD.search(path):
        return [file_path for file_path in sorted(system.glob(path)) if not system.isdir(file_path)]
    if system.isfile(path):
        return [path]
    if not system.exists(path):
        raise FileNotFoundError
    below = path.rstrip("/") + "/"
    return [
        file_path
        for file_path in sorted(system.find(path))
        if is_wanted(PurePosixPath(file_path.removeprefix(below)))
    ]


def _file(system: Any, path: str, scheme: str, url: str) -> RemoteFile:
    name = redacted_url(path if "://" in path else f"{scheme}://{path}")
    try:
        size = cast(int | None, system.size(path))
    except Exception as error:  # noqa: BLE001 - as above
        raise RemoteError(f"{name}: {_reason(error, url)}") from None

    def open_it() -> BinaryIO:
        try:
            return cast(
                BinaryIO, _RemoteStream(system.open(path, "rb", block_size=_BLOCK if size else 0), url)
            )
        except Exception as error:  # noqa: BLE001 - as above
            raise Unreadable(_reason(error, url)) from None

    return RemoteFile(name, size, open_it, seekable=bool(size))


def _is_web(url: str) -> bool:
    return url.partition("://")[0].lower() in _WEB


def _reason(error: Exception, url: str) -> str:
    """The reason of an error, without the URL and its secrets."""
    status = getattr(error, "status", None) or getattr(error.__cause__, "status", None)
    if status is not None and status != _NOT_FOUND:
        return f"the server answers {status}"
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    message = str(error)
    for secret in _secrets(url):
        message = message.replace(secret, "...")
    message = re.sub(r"https?://\S+", "...", message)
    return f"{type(error).__name__}: {message[:200]}" if message else type(error).__name__


def _secrets(url: str) -> list[str]:
    parts = urlsplit(url)
    return [
        secret for secret in (url, parts.netloc.rpartition("@")[0], parts.password, parts.query) if secret
    ]


class _RemoteStream(io.RawIOBase):
    """The stream of a remote file. Every error of its store becomes `Unreadable`."""

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
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _guarded(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - as above
            raise Unreadable(f"reading stopped: {_reason(error, self._url)}") from None
