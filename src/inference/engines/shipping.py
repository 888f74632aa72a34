"""How a task gets to workers that have none of this project: its code goes with it.

A worker gets a zip of the modules, puts it first on its path, and unpickles a task once.
"""

from __future__ import annotations

import hashlib
import io
import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from inference.engines import probing
from inference.engines.engine import Outcome, attempted
from mlproject.base.pickling import by_value

_ROOT = Path(__file__).resolve().parents[2]
# Whole: on a worker that has this project too, they take its place, for whatever runs there next.
_PACKAGES = ("inference", "mlproject")
_MODULES = ("mlproject_features.py",)
_HOLDER = "_mlproject_worker"
# A program may score with several models at a time, each by tasks of its own.
_MOST_TASKS = 2
_tasks: dict[str, Callable[..., Any]] = {}
_lock = threading.Lock()

Content = tuple[bytes, str, bytes, str]


@dataclass(frozen=True)
class Cargo:
    """What a worker needs to make a call: code, a pickled task, and the hashes of both."""

    code: bytes
    code_sha256: str
    task: bytes
    task_sha256: str

    @classmethod
    def of(cls, task: Callable[..., Any]) -> Cargo:
        from mlproject.models.loading import modules_of_models

        with by_value(modules_of_models()):
            packed = cloudpickle.dumps(task)
        code = _code()
        # Workers that are threads of this process have the code.
        holder = sys.modules.setdefault(_HOLDER, ModuleType(_HOLDER))
        holder.__dict__["code"] = _sha256(code)
        return cls(code, _sha256(code), packed, _sha256(packed))

    @property
    def content(self) -> Content:
        """The parts, as objects that a worker knows."""
        return self.code, self.code_sha256, self.task, self.task_sha256


def receiver() -> Callable[[Content], Any]:
    """Return what unpacks the code on a worker, and returns this module there.

    It is pickled by value, so that it needs nothing that is here.
    """

    def kept(code: bytes, sha256: str) -> Any:
        """Return the file of a code: one for all workers of this user on the machine."""
        import os
        import stat
        import tempfile
        import threading
        from contextlib import suppress
        from pathlib import Path

        user = os.getuid() if hasattr(os, "getuid") else 0
        folder = Path(tempfile.gettempdir()) / f"mlproject-code-{user}"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        own = not hasattr(os, "getuid") or (found.st_uid == user and not found.st_mode & 0o022)
        if not (stat.S_ISDIR(found.st_mode) and own):  # somebody else could change what is run
            folder = Path(tempfile.mkdtemp(prefix="mlproject-code-"))
        archive = folder / f"{sha256}.zip"
        if not archive.exists() or archive.read_bytes() != code:
            part = folder / f"{sha256}.{os.getpid()}.{threading.get_ident()}"
            part.write_bytes(code)
            part.replace(archive)
        return archive

    def received(cargo: Content) -> Any:
        import importlib
        import sys
        import threading
        from types import ModuleType

        code, code_sha256, _, _ = cargo
        holder = vars(sys.modules.setdefault("_mlproject_worker", ModuleType("_mlproject_worker")))
        with holder.setdefault("lock", threading.RLock()):  # a worker may have several threads
            if holder.get("code") != code_sha256:
                sys.path.insert(0, str(kept(code, code_sha256)))
                tops = ("inference", "mlproject", "mlproject_features")
                for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
                    del sys.modules[name]  # of another version
                importlib.invalidate_caches()
                holder["code"] = code_sha256
            return importlib.import_module("inference.engines.shipping")

    return received


def caller() -> Callable[[Content, bytes], bytes]:
    """Return what makes a call on a worker; pickled by value."""
    received = receiver()

    def call(cargo: Content, item: bytes) -> bytes:
        answer: bytes = received(cargo).answered(cargo[3], cargo[2], item)
        return answer

    return call


def giver() -> Callable[[Content], Content]:
    """Return what hands a cargo on; pickled by value."""
    return lambda cargo: cargo


def loader(wanted: Mapping[str, str] | None) -> Callable[[Content], Any]:
    """Return what gives a worker the task itself, where it has these versions; pickled by value."""
    received = receiver()

    def load(cargo: Content) -> Any:
        return received(cargo).loaded(cargo[3], cargo[2], wanted)

    return load


def loaded(task_sha256: str, task: bytes, wanted: Mapping[str, str] | None) -> Any:
    """Return a task on a worker; refuse to unpickle it where other versions are installed."""
    if wanted is not None:
        probing.check_versions(socket.gethostname(), probing.versions(), wanted)
    return _task(task_sha256, task)


def packed(number: int, item: Any) -> bytes:
    data: bytes = cloudpickle.dumps((number, item))
    return data


def unpacked(answer: bytes) -> Outcome:
    outcome: Outcome = cloudpickle.loads(answer)
    return outcome


def answered(task_sha256: str, task: bytes, item: bytes) -> bytes:
    """Make a call on a worker; what goes back is an Outcome, pickled."""
    number, value = cloudpickle.loads(item)
    outcome = attempted(_task(task_sha256, task), number, value)
    if outcome.error is not None and type(outcome.error).__module__.partition(".")[0] not in (
        *("builtins", "mlproject", "inference"),
    ):
        # A class that may be unknown where this is read.
        text = f"{type(outcome.error).__name__}: {outcome.error}"
        outcome = Outcome(number, error=RuntimeError(text))
    data: bytes = cloudpickle.dumps(outcome)
    return data


def _task(sha256: str, packed: bytes) -> Any:
    """Return a task, unpickled once; those that were not asked for last are let go."""
    with _lock:
        task = _tasks.pop(sha256) if sha256 in _tasks else cloudpickle.loads(packed)
        _tasks[sha256] = task
        for old in list(_tasks)[:-_MOST_TASKS]:
            del _tasks[old]
    return task


@cache
def _code() -> bytes:
    files = [path for name in _PACKAGES for path in sorted((_ROOT / name).rglob("*.py"))]
    files += [_ROOT / name for name in _MODULES]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            name = path.relative_to(_ROOT).as_posix()
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
