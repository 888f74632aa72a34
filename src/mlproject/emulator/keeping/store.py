"""What keeps runs and registered models: a process with MLflow's server code, see ``server``."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from werkzeug import Response

from mlproject.base.errors import ConfigurationError

_SERVER = "mlproject.emulator.keeping.server"
_PACKAGES = Path(__file__).resolve().parents[3]
_PATIENCE = 5.0


class Store:
    """MLflow's server on a database, which takes seconds to open; who asks it waits for that.

    Attributes
    ----------
    turn : lock
        Whose holder asks alone, for questions that belong together.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._greeting: dict[str, Any] | None = None
        self.turn = threading.RLock()
        self._process = _started(database)

    def opened(self, *, wait: bool = True) -> None:
        """Wait until the database is open; or do not, and only say what has been heard.

        Raises
        ------
        ConfigurationError
            When it is damaged, or another MLflow's.
        """
        with self.turn:
            if self._greeting is None and wait:
                self._greeting = self._told()
        if self._greeting and "problem" in self._greeting:
            raise ConfigurationError(
                f"The emulator's database {self._database} cannot be opened: "
                f"{self._greeting['problem']}",
                "Give another --state, or remove that folder",
            )

    def answer(
        self, method: str, path: str, query: dict[str, Any] | None = None, content: Any = None
    ) -> Response:
        """Return what MLflow's server answers; ``content`` is sent as JSON, None not at all."""
        question = {"method": method, "path": path, "query": query or {}, "content": content}
        with self.turn:
            self.opened()
            assert self._process.stdin is not None  # noqa: S101 - it was asked for
            print(json.dumps(question), file=self._process.stdin, flush=True)
            told = self._told()
        return Response(told["body"], told["status"], content_type=told["kind"])

    def rename_run(self, run: str, name: str) -> None:
        """Give another id to a run that was just made, which has nothing but tags."""
        with closing(sqlite3.connect(self._database, timeout=_PATIENCE)) as database, database:
            runs = "UPDATE runs SET run_uuid = ?1, artifact_uri = replace(artifact_uri, ?2, ?1)"
            for statement in (runs, "UPDATE tags SET run_uuid = ?1"):
                database.execute(f"{statement} WHERE run_uuid = ?2", (name, run))

    def close(self) -> None:
        """End the process: in order when it is open, and else at once."""
        process = self._process
        with suppress(OSError, ValueError):
            process.stdin.close()  # type: ignore[union-attr]
        if self._greeting is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]

    def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        line = self._process.stdout.readline()
        if not line:
            raise ConnectionError("MLflow's server has ended")
        return dict(json.loads(line))


def _started(database: Path) -> subprocess.Popen[str]:
    # MLflow's stores are stricter with this variable, for MLflow's own tests.
    environment = {n: v for n, v in os.environ.items() if n != "PYTEST_CURRENT_TEST"}
    paths = (str(_PACKAGES), environment.get("PYTHONPATH", ""))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", _SERVER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        encoding="utf-8",
        # Ctrl-C in a terminal is for the emulator, which closes this one.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
