"""New SQLite files as copies of one in which MLflow has made its tables: that takes it a second.

Where ``MAKES_TABLES`` is in the environment MLflow makes them.
"""

from __future__ import annotations

import importlib
import logging
import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

MAKES_TABLES = "TESTS_MAKE_TABLES"
_UTILS = "mlflow.store.db.utils"
# The modules that have the function under a name of their own.
_MAKERS = (_UTILS, "mlflow.store.model_registry.sqlalchemy_store")


def copy_new_databases(folder: Path) -> None:
    """Have MLflow in this process copy a file in the folder, which is made now."""
    utils = importlib.import_module(_UTILS)
    made = folder / "made.db"
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{made.as_posix()}")
    logging.disable()
    utils._initialize_tables(engine)
    logging.disable(logging.NOTSET)
    engine.dispose()
    copying = partial(_copying, made, utils._initialize_tables)
    for name in _MAKERS:
        importlib.import_module(name)._initialize_tables = copying


def _copying(made: Path, making: Any, engine: Any) -> None:
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    empty = importlib.import_module(_UTILS)._is_empty_database
    if MAKES_TABLES in os.environ or not path or not empty(engine):
        making(engine)
        return
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
