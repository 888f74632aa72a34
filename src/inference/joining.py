"""Parts joined to one file, in order, while later ones are still scored."""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from inference.part import REJECTS
from inference.tally import Tally, Written
from mlproject.base.errors import DataError
from mlproject.base.files import sha256_of
from mlproject.base.stores import Store
from mlproject.data import formats
from mlproject.data.formats.csv_files import header_of
from mlproject.data.formats.parquet_joining import ParquetJoining
from mlproject.data.writing import HashingFile

_BLOCK_BYTES = 1 << 20


class Joining:
    """One file, made of parts that are added in order.

    What is added is compared with what was counted when it was written: its rows, its length and
    its hash.

    Parameters
    ----------
    path : Path
        Where the file is made.
    """

    def __init__(self, path: Path, store: Store, kind: str) -> None:
        self.path = path
        self._store = store
        self._kind = kind
        self._file = HashingFile(path, lasting=True)
        self._parquet = ParquetJoining(self._file) if kind == "parquet" else None
        self._empty = True

    def close(self) -> None:
        self._file.close()

    def add(self, part: Written, columns: Sequence[str]) -> None:
        """Add a part, as it was written; the columns are the header of CSV."""
        if self._empty and self._kind == "csv":
            self._file.write(header_of(columns))
        self._empty = False
        if self._parquet is None:
            self._copy(part)
            return
        rows = self._parquet.rows
        with _here(self._store, part.name) as path:
            if path.stat().st_size != part.length or sha256_of(path) != part.sha256:
                raise _changed(self._store, part.name)
            self._parquet.add(path)
        if self._parquet.rows - rows != part.rows:
            raise _changed(self._store, part.name)

    def _copy(self, part: Written) -> None:
        digest, length = hashlib.sha256(), 0
        with self._store.open(part.name) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                length += self._file.write(block)
        if (digest.hexdigest(), length) != (part.sha256, part.length):
            raise _changed(self._store, part.name)

    def finish(self, empty: pa.Schema) -> str:
        """Finish the file and return its hash; ``empty`` is its schema when it has no part."""
        if self._empty:
            formats.sink(self._file, empty, self._kind).close()
        elif self._parquet is not None:
            self._parquet.finish()
        self._file.close()
        return self._file.sha256


class Assembly:
    """The file of an output and that of its rejects, joined by a thread while parts come.

    Parameters
    ----------
    numbers : iterable of int
        Of the parts, in their order.
    rejects : Joining or None
        None where no rows are set aside.
    """

    def __init__(self, numbers: Iterable[int], output: Joining, rejects: Joining | None) -> None:
        self.output = output
        self.rejects = rejects
        self._missing = deque(numbers)
        self._early: dict[int, Tally] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="join")
        self._added: list[Future[None]] = []

    def take(self, number: int, tally: Tally) -> None:
        """Take a part that is there; raise what went wrong with one before."""
        self._early[number] = tally
        while self._missing and self._missing[0] in self._early:
            ready = self._early.pop(self._missing.popleft())
            self._added.append(self._thread.submit(self._add, ready))
        while self._added and self._added[0].done():
            self._added.pop(0).result()

    def wait(self) -> None:
        """Wait until all parts are joined."""
        self._thread.shutdown()
        for added in self._added:
            added.result()

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
        for joining in (self.output, self.rejects):
            if joining is not None:
                joining.close()

    def _add(self, tally: Tally) -> None:
        if tally.output is not None:
            self.output.add(tally.output, tally.columns)
        if tally.rejects is not None and self.rejects is not None:
            self.rejects.add(tally.rejects, REJECTS.names)


def check_parts(store: Store, parts: Sequence[Written]) -> None:
    """Raise DataError when a part that stays is not as long as it was written."""
    for part in parts:
        if store.size(part.name) != part.length:
            raise _changed(store, part.name)


def _changed(store: Store, name: str) -> DataError:
    return DataError(
        f"{store.shown}/{name} was changed after it was written",
        "Score again with --overwrite",
    )


@contextmanager
def _here(store: Store, name: str) -> Iterator[Path]:
    """Yield a part as a file of this machine."""
    if store.is_local:
        yield store.path / name
        return
    with TemporaryDirectory(prefix="mlproject-") as folder:
        path = Path(folder) / name
        with store.open(name) as stream, path.open("wb") as target:
            shutil.copyfileobj(stream, target, _BLOCK_BYTES)
        yield path
