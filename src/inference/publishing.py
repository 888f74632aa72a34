"""Committed parts as a finished output: one file, or the folder in which they are."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from inference import existing, manifest
from inference.job import Job
from inference.part import REJECTS
from inference.request import REJECT
from inference.state import State
from inference.tally import Tally, Written
from mlproject.base.errors import DataError
from mlproject.base.stores import Store
from mlproject.data import formats
from mlproject.data.formats.parquet_joining import join
from mlproject.data.writing import HashingFile

_BLOCK_BYTES = 1 << 20


def as_folder(
    job: Job, tallies: Sequence[Tally], tally: Tally, schema: pa.Schema
) -> dict[str, Any]:
    """Complete a folder of parts, and return its manifest."""
    files = job.files
    parts = [item.output for item in tallies if item.output is not None]
    rejects = [item.rejects for item in tallies if item.rejects is not None]
    check_parts(files.parts, parts)
    check_parts(files.rejects, rejects)
    existing.clear_folder(files, [part.name for part in (*parts, *rejects)])
    told = manifest.of_parts("_rejects/", rejects) if job.request.on_error == REJECT else None
    content = manifest.of(job, tally, manifest.of_parts(f"{job.paths.name}/", parts), told)
    job.paths.folder.write(job.paths.manifest.name, manifest.dump(content).encode())
    return content


def as_file(job: Job, tallies: Sequence[Tally], tally: Tally, schema: pa.Schema) -> dict[str, Any]:
    """Join parts into one file, put it under its name, and return its manifest."""
    paths, files = job.paths, job.files
    assert paths.file is not None  # noqa: S101 - else it is a folder
    with ExitStack() as stack:
        place = stack.enter_context(files.parts.scratch("output"))
        outputs = [item.output for item in tallies if item.output is not None]
        sha256 = _joined(place, files.parts, files.format, (tally.columns, schema), outputs)
        output = {"path": paths.file.name, "sha256": sha256}
        rejects, rejected = None, None
        if paths.rejects is not None:
            rejected = stack.enter_context(files.parts.scratch("rejects"))
            named = [item.rejects for item in tallies if item.rejects is not None]
            kind = files.rejects_format
            sha256 = _joined(rejected, files.rejects, kind, (REJECTS.names, REJECTS), named)
            rejects = {"path": paths.rejects.name, "sha256": sha256}
        content = manifest.of(job, tally, output, rejects)
        replaced = existing.old_rejects(paths)
        State(paths.work).publishing()
        if paths.rejects is not None and rejected is not None:
            paths.rejects.store.put(rejected, paths.rejects.name)
        paths.manifest.store.write(paths.manifest.name, manifest.dump(content).encode())
        paths.file.store.put(place, paths.file.name)
        if replaced is not None:
            replaced.store.remove(replaced.name)
    return content


def _joined(
    path: Path,
    store: Store,
    kind: str,
    header: tuple[Sequence[str], pa.Schema],
    parts: Sequence[Written],
) -> str:
    """Make one file of parts and return its hash."""
    columns, empty = header
    with closing(Joining(path, store, kind, columns)) as joining:
        for part in parts:
            joining.add(part)
        return joining.finish(empty)


class Joining:
    """One file, made of parts that are added in order.

    What is added is compared with what was counted when it was written: its rows, its length and
    its hash.

    Parameters
    ----------
    path : Path
        Where the file is made.
    columns : sequence of str
        The header of CSV.
    """

    def __init__(self, path: Path, store: Store, kind: str, columns: Sequence[str]) -> None:
        self.store = store
        self.kind = kind
        self.rows = 0
        self._file = HashingFile(path, lasting=True)
        self._parts: list[str] = []
        if kind == "csv":
            self._file.write(_header(columns))

    def close(self) -> None:
        self._file.close()

    def add(self, part: Written) -> None:
        """Add a part, as it was written."""
        with self.store.open(part.name) as stream:
            target = None if self.kind == "parquet" else self._file
            sha256, length = _copied(stream, target)
        if (sha256, length) != (part.sha256, part.length):
            raise _changed(self.store, part.name)
        self.rows += part.rows
        self._parts.append(part.name)

    def finish(self, empty: pa.Schema) -> str:
        """Finish the file and return its hash; ``empty`` is its schema without parts."""
        if self.kind == "parquet":
            if self._parts:
                with _here(self.store, self._parts) as paths:
                    if join(paths, self._file) != self.rows:
                        raise _changed(self.store, self._parts[0])
            else:
                formats.sink(self._file, empty, self.kind).close()
        self._file.close()
        return self._file.sha256


def check_parts(store: Store, parts: Sequence[Written]) -> None:
    """Raise DataError when a part that stays is not as long as it was written."""
    for part in parts:
        if store.size(part.name) != part.length:
            raise _changed(store, part.name)


def _changed(store: Store, name: str) -> DataError:
    return DataError(
        f"{store.shown}/{name} is not what was written there: somebody has changed it",
        "Score again with --overwrite",
    )


def _copied(stream: BinaryIO, target: HashingFile | None) -> tuple[str, int]:
    digest, length = hashlib.sha256(), 0
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
        length += len(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest(), length


@contextmanager
def _here(store: Store, names: Sequence[str]) -> Iterator[list[Path]]:
    """Yield parts as files of this machine."""
    if store.is_local:
        yield [store.path / name for name in names]
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="mlproject-") as folder:
        paths = [Path(folder) / name for name in names]
        for name, path in zip(names, paths, strict=True):
            with store.open(name) as stream, path.open("wb") as target:
                while block := stream.read(_BLOCK_BYTES):
                    target.write(block)
        yield paths


def _header(columns: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(columns)
    return text.getvalue().encode()
