"""The folder beside an unfinished output: what is written, and what need not be scored again.

``.NAME.scoring/`` holds the unfinished output and one small file of predictions for each scored
batch, under a hash of what was scored. When the output is complete it is moved to its name in one
step and the folder is removed; whatever ends the process before that leaves the folder, and nothing
under the final name.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from inference.scorer import Scores
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, DataError, MlprojectError
from mlproject.base.files import locked
from mlproject.data.samples import table_sha256
from mlproject.data.types import Misfit

_STATE = "request.json"
_PUBLISHING = "publishing"
_LOCK = "lock"
_REJECTS = b"rejects"


class Journal:
    """The working folder of an output; held by one process at a time."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.with_name(f".{output.name}.scoring")
        self._lock = ExitStack()
        self._resumed = False

    def open(self, request: dict[str, Any], *, resume: bool, overwrite: bool) -> dict[str, Any]:
        """Take the folder and return the request that holds: an interrupted run's, when resumed."""
        self._refuse_foreign()
        self.folder.mkdir(exist_ok=True)
        with ExitStack() as stack:
            taken = f"Another process is writing {self.output}"
            stack.enter_context(locked(self.folder / _LOCK, taken))
            state = self._prepared(request, resume=resume, overwrite=overwrite)
            self._lock = stack.pop_all()
        return state

    def _prepared(
        self, request: dict[str, Any], *, resume: bool, overwrite: bool
    ) -> dict[str, Any]:
        before = self._read()
        if before is not None and resume:
            for key in sorted(set(request) - {"batch_rows"}):
                if before.get(key) != request[key]:
                    raise ConfigurationError(
                        f"The interrupted run of {self.output} had another {key}: "
                        f"{before.get(key)}, not {request[key]}",
                        "Start over with --overwrite",
                    )
            self._resumed = True
            return before
        done = len(list(self.folder.glob("*.arrow")))
        if before is not None and done and not overwrite:
            raise ConfigurationError(
                f"An interrupted run left {self.output} unfinished ({done} batches are scored)",
                "Finish it with --resume, or start over with --overwrite",
            )
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.unlink()
        self.file(_STATE).write_text(json.dumps(request), encoding="utf-8")
        return request

    def _refuse_foreign(self) -> None:
        if not self.folder.exists():
            return
        ours = (self.folder / _STATE).is_file() or (self.folder / _LOCK).is_file()
        if not self.folder.is_dir() or (any(self.folder.iterdir()) and not ours):
            raise ConfigurationError(
                f"{self.folder} is in the way: it is where an unfinished output is kept",
                "Move it away",
            )

    @contextmanager
    def kept_for_later(self, reporter: Reporter) -> Iterator[None]:
        """Keep what is scored when the block is interrupted; discard it when a row is to blame."""
        try:
            yield
        except DataError as error:
            # A disk or a network may read the input again, another time.
            (self.leave if isinstance(error.__cause__, OSError) else self.discard)()
            raise
        except MlprojectError:  # such as a cluster that is not there: it may be, next time
            self.leave()
            raise
        except OSError as error:
            self.release()
            if isinstance(error, (ConnectionError, TimeoutError)):
                raise  # of a cluster, not of the disk
            raise DataError(
                f"{self.output} cannot be written: {error.strerror or error}",
                "What is scored is kept: make room, and run again with --resume",
            ) from error
        except KeyboardInterrupt:
            self.release()
            reporter.warn("What is scored is kept: run again with --resume to finish")
            raise
        except BaseException:
            self.release()
            raise

    def file(self, name: str) -> Path:
        return self.folder / name

    def load(self, key: str) -> Scores | None:
        path = self.folder / f"{key}.arrow"
        if not self._resumed or not path.is_file():
            return None
        try:
            with pa.ipc.open_file(pa.BufferReader(path.read_bytes())) as reader:
                table = reader.read_all()
        except (pa.ArrowException, OSError):  # cut short by what ended the run
            return None
        kept = json.loads((table.schema.metadata or {}).get(_REJECTS, b"[]"))
        return Scores(table.replace_schema_metadata(None), [Misfit(*item) for item in kept])

    def keep(self, key: str, scores: Scores) -> None:
        """Write down the scores of a batch, in one step."""
        rows = json.dumps([[item.row, item.column, item.reason] for item in scores.rejects])
        table = scores.predictions.replace_schema_metadata({_REJECTS: rows.encode()})
        unfinished = self.folder / f"{key}.part"
        with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
            out.write_table(table)
        unfinished.replace(self.folder / f"{key}.arrow")

    @property
    def publishing(self) -> bool:
        """Whether an interrupted run had begun to move its files to their names."""
        return self.file(_PUBLISHING).is_file()

    def publish(self, files: Mapping[Path, Path]) -> None:
        """Move finished files to their names, in order, and make the moves lasting."""
        self.file(_PUBLISHING).touch()
        for unfinished, final in files.items():
            _moved(unfinished, final)
        for folder in {final.parent for final in files.values()}:
            _settled(folder)

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # while nobody else can take it
        self.release()
        if os.name == "nt":  # where no file is removed that is open
            shutil.rmtree(self.folder, ignore_errors=True)

    def leave(self) -> None:
        """Keep what is scored for later; where nothing is, leave nothing."""
        if any(self.folder.glob("*.arrow")):
            self.release()
        else:
            self.discard()

    def release(self) -> None:
        """Let another process have the folder."""
        self._lock.close()

    def _read(self) -> dict[str, Any] | None:
        with suppress(OSError, ValueError):
            content = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            return content if isinstance(content, dict) else None
        return None


def key(number: int, features: pa.Table) -> str:
    """Return the name of a batch: its number, and a hash of what the model is asked."""
    return f"{number:08d}-{table_sha256(features)[:32]}"


def _moved(unfinished: Path, final: Path) -> None:
    """Move a file to its name in one step, also to another file system."""
    try:
        unfinished.replace(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = final.with_name(f".{final.name}.part")
        with unfinished.open("rb") as source, beside.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        beside.replace(final)
        unfinished.unlink()


def _settled(folder: Path) -> None:
    """Make the names in a folder lasting."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
