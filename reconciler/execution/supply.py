"""The bytes that changes want beside what is in their tasks: fetched, looked at, and open until they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from reconciler.execution.archive_members import ArchiveRefusedError
from reconciler.execution.blobs import Blob, Supplies, Unavailable
from reconciler.execution.downloads import Downloads
from reconciler.execution.fetching import FetchError
from reconciler.execution.payload import blob_tasks
from reconciler.model.plan import Change
from reconciler.model.tasks import BlobTask, Download, Unpack


@contextmanager
def supplied(changes: Iterable[Change], downloads: Downloads) -> Iterator[Supplies]:
    """What each task wants, or why it cannot have it; the same bytes are fetched and looked at once."""
    with ExitStack() as opened:
        shelf = _Shelf(downloads, opened)
        found: dict[BlobTask, Blob | Unavailable] = {}
        for task in blob_tasks(changes):
            found[task] = shelf.archive(task) if isinstance(task, Unpack) else shelf.blob(task.content)
        yield found
        if found:
            downloads.forget_unused()


class _Shelf:
    def __init__(self, downloads: Downloads, opened: ExitStack) -> None:
        self._downloads, self._opened = downloads, opened
        self._blobs: dict[str, Blob | Unavailable] = {}
        self._archives: dict[tuple[str, int], Blob | Unavailable] = {}

    def blob(self, download: Download) -> Blob | Unavailable:
        if download.digest not in self._blobs:
            try:
                blob = self._downloads.blob(download)
                self._opened.callback(blob.file.close)
                self._blobs[download.digest] = blob
            except FetchError as error:
                self._blobs[download.digest] = Unavailable(why=str(error))
        return self._blobs[download.digest]

    def archive(self, task: Unpack) -> Blob | Unavailable:
        key = (task.archive.digest, task.strip)
        if key not in self._archives:
            self._archives[key] = self._archive(task)
        return self._archives[key]

    def _archive(self, task: Unpack) -> Blob | Unavailable:
        from reconciler.execution import archives  # most runs have none

        blob = self.blob(task.archive)
        if isinstance(blob, Unavailable):
            return blob
        try:
            found = archives.ready(blob, task.strip, self._downloads.folder)
        except ArchiveRefusedError as error:
            return Unavailable(why=f"{task.archive.url} is not unpacked: {error}", is_refused=True)
        except OSError as error:
            return Unavailable(why=f"{task.archive.url} cannot be repacked as tar: {error.strerror}")
        if found is not blob:
            self._opened.callback(found.file.close)
        return found
