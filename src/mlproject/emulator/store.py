"""MLflow's own server code, on SQLite: what keeps runs and registered models."""

from __future__ import annotations

import logging
import sqlite3
import warnings
from contextlib import closing
from typing import Any

from werkzeug import Response

from mlproject.base.errors import ConfigurationError
from mlproject.emulator.identities import TRACKING_URI
from mlproject.emulator.state import State


class Store:
    """MLflow's server in this process.

    MLflow keeps the stores of its server in a module, so that there is one of these at a time in
    a process. They are put there as they are: the environment that would choose them is the
    user's, and so is MLflow's own notion of the tracking URI.
    """

    def __init__(self, state: State) -> None:
        with closing(sqlite3.connect(state.database)) as database:
            # Kept by the file: readers need not wait for a writer.
            database.execute("PRAGMA journal_mode = WAL")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, on what it will import otherwise
            from mlflow.server import app, handlers
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

        # It tells of each new database.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        uri = f"sqlite:///{state.database.as_posix()}"
        self._app: Any = app
        self._tracking: Any = Tracking(uri, f"{TRACKING_URI}/experiments")
        self._registry: Any = Registry(uri)
        vars(handlers).update(_tracking_store=self._tracking, _model_registry_store=self._registry)
        for store in (self._tracking, self._registry):
            _hurried(store.engine)

    def answer(self, environ: dict[str, Any]) -> Response:
        """Return what MLflow's server answers to a WSGI request."""
        return Response.from_app(self._app, environ, buffered=True)

    def parameters(self, run: str) -> list[str]:
        from sqlalchemy import text

        query = text("SELECT key FROM params WHERE run_uuid = :run")
        with self._tracking.engine.connect() as connection:
            return [row[0] for row in connection.execute(query, {"run": run})]

    def close(self) -> None:
        from mlflow.server import handlers

        vars(handlers).update(_tracking_store=None, _model_registry_store=None)
        for store in (self._tracking, self._registry):
            store.engine.dispose()


def opened(state: State) -> Store:
    """Return the store of a folder, whose database may be damaged or of another MLflow's."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return Store(state)
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"The emulator's database {state.database} cannot be opened: {error}",
            "Give another --state, or remove that folder",
        ) from error


def _hurried(engine: Any) -> None:
    """Have a database's connections not wait for the disk: an emulator may lose its last second."""
    from sqlalchemy import event

    def unsynchronised(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(engine, "connect", unsynchronised)
    engine.dispose()
