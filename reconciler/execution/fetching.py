"""Bytes from a URL, piece by piece: http and https with the environment's proxies, and files of the controller."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler import __version__
from reconciler.execution.blobs import PIECE_BYTES
from reconciler.model.sizes import size_text

if TYPE_CHECKING:
    from http.client import HTTPResponse

LARGEST_BYTES: Final = 4 * 1024**3


class FetchError(Exception):
    """It could not be had, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server may say nothing, and how long it may take for so many bytes; how many they may be in all."""

    silence_seconds: float = 30.0
    slow_seconds: float = 60.0
    slow_bytes: int = 64 * 1024
    largest_bytes: int = LARGEST_BYTES


def pieces(
    url: str, patience: Patience, acting: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[bytes]:
    """What `url` holds. `acting` gives the rights that files are opened with. FetchError says what went wrong where."""
    found = _file_pieces(url, acting) if url.startswith("file:") else _web_pieces(url, patience)
    size = 0
    for piece in found:
        size += len(piece)
        if size > patience.largest_bytes:
            raise FetchError(f"{url} holds more than {size_text(patience.largest_bytes)}")
        yield piece


def _file_pieces(url: str, acting: Callable[[], AbstractContextManager[None]]) -> Iterator[bytes]:
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise FetchError(f"{url} is a file of {parts.netloc}; only this machine's own can be read")
        with acting():
            handle = os.open(unquote(parts.path, errors="surrogateescape"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FetchError(f"{url} is no regular file")
            while piece := file.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise FetchError(f"{url}: {error.strerror}") from None
    except ValueError as error:
        raise FetchError(f"{url}: {error}") from None


def _web_pieces(url: str, patience: Patience) -> Iterator[bytes]:
    # They take longer to load than all the rest of a run that downloads nothing.
    from http.client import HTTPException, IncompleteRead
    from urllib.error import HTTPError, URLError

    try:
        with _opened(url, patience.silence_seconds) as response:
            yield from _body(response, url, patience)
    except HTTPError as error:
        error.close()
        raise FetchError(f"{url} answered {error.code} {error.reason}".rstrip()) from None
    except TimeoutError:
        raise _silent(url, patience) from None
    except IncompleteRead:
        raise FetchError(f"{url} broke off in the middle") from None
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _silent(url, patience) from None
        raise FetchError(f"{url}: {_words(error.reason)}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(f"{url}: {_words(error)}") from None


def _opened(url: str, seconds: float) -> HTTPResponse:
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Redirects(HTTPRedirectHandler):
        """To http and https only, and never from https down to http."""

        def redirect_request(  # type: ignore[no-untyped-def]
            self, request: Request, file, code: int, message: str, headers, new: str
        ) -> Request | None:
            if not new.startswith(("https:", "http:") if request.type == "http" else "https:"):
                raise FetchError(f"{url} leads to {new}, which is not followed")
            return super().redirect_request(request, file, code, message, headers, new)

    request = Request(url, headers={"User-Agent": f"reconcile/{__version__}"})
    found: HTTPResponse = build_opener(Redirects).open(request, timeout=seconds)
    return found


def _body(response: HTTPResponse, url: str, patience: Patience) -> Iterator[bytes]:
    whole = response.length
    if whole is not None and whole > patience.largest_bytes:
        raise FetchError(f"{url} holds {size_text(whole)}; {size_text(patience.largest_bytes)} are the most")
    size = since = 0
    began = time.monotonic()
    while piece := response.read1(PIECE_BYTES):
        yield piece
        size, since = size + len(piece), since + len(piece)
        now = time.monotonic()
        if now - began > patience.slow_seconds:
            if since < patience.slow_bytes:
                raise FetchError(f"{url} came too slowly: {size_text(since)} in {now - began:.0f} seconds")
            since, began = 0, now
    if whole is not None and size < whole:
        raise FetchError(f"{url} broke off after {size} of {whole} bytes")


def _silent(url: str, patience: Patience) -> FetchError:
    return FetchError(f"{url} said nothing for {patience.silence_seconds:g} seconds")


def _words(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
