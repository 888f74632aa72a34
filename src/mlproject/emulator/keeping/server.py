"""MLflow's own server code on SQLite, as a process of its own: a line of JSON in, one out.

It takes seconds to import, cannot be interrupted while it does, and has room for one store in a
process. One request at a time is what SQLite can write, and what MLflow's store gets right.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from werkzeug import Response
from werkzeug.test import EnvironBuilder

from mlproject.emulator.identities import API_HOST, TRACKING_URI

_ARTIFACTS = f"{TRACKING_URI}/experiments"


def main(database: Path) -> None:
    """Open a database, say so, and answer what comes on standard input until that ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def tell(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=out, flush=True)

    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        app, stores = _opened(database)
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        tell({"problem": str(error)})
        return
    tell({})
    for line in sys.stdin:
        tell(_answer(app, **json.loads(line)))
    for store in stores:
        store.engine.dispose()
    os._exit(0)  # the interpreter takes its time to forget MLflow, and somebody waits


def _opened(database: Path) -> tuple[Any, list[Any]]:
    """Return MLflow's application, and the stores that it is led to.

    They are put where it looks for them: the environment that would choose them is the user's.
    """
    from mlflow.server import app, handlers
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of each new one
    if not database.exists():
        # MLflow's migrations, cut off by a kill, would leave what cannot be opened.
        made = database.with_suffix(".new")
        made.unlink(missing_ok=True)
        Tracking(_uri(made), _ARTIFACTS).engine.dispose()
        made.replace(database)
    with closing(sqlite3.connect(database)) as connection:
        # Kept by the file: readers need not wait for a writer.
        connection.execute("PRAGMA journal_mode = WAL")
    stores: list[Any] = [Tracking(_uri(database), _ARTIFACTS), Registry(_uri(database))]
    vars(handlers).update(_tracking_store=stores[0], _model_registry_store=stores[1])
    for store in stores:
        _hurried(store.engine)
    return app, stores


def _answer(
    app: Any, method: str, path: str, query: dict[str, Any], content: Any
) -> dict[str, Any]:
    builder = EnvironBuilder(path, f"https://{API_HOST}", query, method, json=content)
    response = Response.from_app(app, builder.get_environ(), buffered=True)
    kind, body = response.content_type, response.get_data(as_text=True)
    return {"status": response.status_code, "kind": kind, "body": body}


def _uri(database: Path) -> str:
    return f"sqlite:///{database.as_posix()}"


def _hurried(engine: Any) -> None:
    """Have a database's connections not wait for the disk: an emulator may lose its last second."""
    from sqlalchemy import event

    def unsynchronised(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(engine, "connect", unsynchronised)
    engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
