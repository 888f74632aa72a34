"""A command ``python`` whose processes are forked from one that has imported what is heavy.

Jobs and endpoints of an emulator start Python by this name. Each is still a process of its own, in
its own session, with the folder, the environment and the streams it is given, and it ends when what
started it is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.machinery
import json
import os
import pkgutil
import runpy
import selectors
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NoReturn

OURS = ("mlproject", "training", "inference")
_NOT_IMPORTED = ("__main__", "dask", "spark", "fixtures")
_POLL = 0.01
_MOST = 1 << 20  # bytes of a request
_SHIM = """\
#!{python} -SE
import json, os, signal, socket, sys

words, environment = sys.argv[1:], dict(os.environ)
while words[:1] == ["-u"]:
    del words[0]
    environment["PYTHONUNBUFFERED"] = "1"
if not words or (words[0].startswith("-") and words[0] not in ("-m", "-c")):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
asked = json.dumps({{"words": words, "folder": os.getcwd(), "environment": environment}})
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    socket.send_fds(there, [b"."], [0, 1, 2])
    there.sendall(asked.encode() + b"\\n")
    code = int(there.makefile().readline() or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def installed() -> str:
    """Fork the process that forks, and return the path of the command; both end with this one."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))  # short: the address of a socket has 107 bytes
    address, command = str(folder / "socket"), folder / "python"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    command.write_text(_SHIM.format(python=sys.executable, address=address), encoding="utf-8")
    command.chmod(stat.S_IRWXU)
    (folder / "python3").symlink_to(command)
    alive, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        os.setsid()
        _Forks(listening, alive, folder).serve()
    os.close(alive)
    listening.close()
    return str(command)


class _Forks:
    """The processes that were forked, each with the socket of whoever waits for it."""

    def __init__(self, listening: socket.socket, alive: int, folder: Path) -> None:
        self._listening, self._alive, self._folder = listening, alive, folder
        self._running: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(alive, selectors.EVENT_READ)

    def serve(self) -> None:
        """Fork a process for each that connects, until the other end of ``alive`` is closed."""
        while True:
            for key, _ in self._selector.select(_POLL if self._running else None):
                if key.fileobj is self._listening:
                    self._fork()
                elif key.fileobj == self._alive:
                    self._end()
                else:  # whoever waits for it was killed
                    self._selector.unregister(key.fileobj)
                    _kill(key.data)
            for pid in list(self._running):
                self._tell(pid)

    def _fork(self) -> None:
        caller = self._listening.accept()[0]
        request, handles = _request(caller)
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            os.close(self._alive)
            for other in (self._listening, caller, *self._running.values()):
                other.close()
            _become(request, handles)
        for handle in handles:
            os.close(handle)
        self._running[pid] = caller
        self._selector.register(caller, selectors.EVENT_READ, pid)

    def _tell(self, pid: int) -> None:
        """Send the exit code of a process that has ended."""
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            caller = self._running.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(caller)
            with contextlib.suppress(OSError):
                caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            caller.close()

    def _end(self) -> None:
        for pid in self._running:
            _kill(pid)
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


def _request(caller: socket.socket) -> tuple[dict[str, Any], list[int]]:
    _, handles, _, _ = socket.recv_fds(caller, 1, 3)
    with caller.makefile("rb") as stream:
        request: dict[str, Any] = json.loads(stream.readline(_MOST))
    return request, handles


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, Any], handles: list[int]) -> None:
    os.setsid()
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    buffering = 1 if os.environ.get("PYTHONUNBUFFERED") else -1
    # Python's own remember what they were: a file, or what was read ahead.
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    run_and_end(request["words"])


def run_and_end(words: list[str]) -> NoReturn:
    """Run ``python WORDS`` and end this process as Python does, but for what is imported.

    To take that apart copies each page of it that is shared with the process that was forked,
    which is a fifth of a second for each command.
    """
    code: Any = None
    try:
        run(words)
    except SystemExit as end:
        code = end.code
        if not isinstance(code, int | None):
            raise
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(code)
    os._exit((code or 0) & 0xFF)


def import_ours() -> None:
    """Import this project's modules, but for those that programs of others import."""
    for name in OURS:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name.rpartition(".")[2] not in _NOT_IMPORTED:
                with contextlib.suppress(ModuleNotFoundError):  # what only Azure ML has
                    importlib.import_module(module.name)


def _forget_ours_if_elsewhere() -> None:
    """Have this project's modules be imported from where ``sys.path`` has them, if not from here.

    A job has a copy of its own, and so may a folder.
    """
    for name in OURS:
        spec = importlib.machinery.PathFinder.find_spec(name)
        if spec is None or spec.origin != sys.modules[name].__file__:
            for module in [*sys.modules]:
                if module.partition(".")[0] in OURS:
                    del sys.modules[module]
            return


def run(words: list[str]) -> None:
    """Run ``python WORDS`` in this process, which was started without a PYTHONPATH."""
    what, *arguments = words
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = [*(str(Path(name).resolve()) for name in given), *sys.path[1:]]
    if what == "-m":
        sys.path[:] = [str(Path.cwd()), *path]
        sys.argv = list(arguments)
        _forget_ours_if_elsewhere()
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif what == "-c":
        sys.path[:] = ["", *path]
        sys.argv = ["-c", *arguments[1:]]
        _forget_ours_if_elsewhere()
        exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - what python -c is
    else:
        place = Path(what).resolve()
        sys.path[:] = [str(place if place.is_dir() else place.parent), *path]
        sys.argv = [what, *arguments]
        _forget_ours_if_elsewhere()
        runpy.run_path(what, run_name="__main__")
