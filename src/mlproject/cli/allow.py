"""``mlproject allow``: consent to a settings file."""

from __future__ import annotations

from typing import Any

from mlproject.base import consent, settings
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.base.redaction import redacted_text
from mlproject.cli.frame import command


@command()
def allow(reporter: Reporter) -> dict[str, Any]:
    """Allow what the .mlproject.yaml of this project says now.

    A settings file may come with somebody else's checkout. That it opens models which run code
    (trust), or records on a server elsewhere (tracking), takes effect once you have allowed it
    here; a line that changes has to be allowed again.
    """
    path = settings.find()
    if path is None:
        raise ConfigurationError(f"There is no {settings.FILE_NAME} here or above in the project")
    wishes = settings.read(path).wishes
    consent.give(path, wishes)
    shown = [redacted_text(wish) for wish in wishes]
    reporter.emit(f"Allowed in {path}: {', '.join(shown) or 'nothing, as it says nothing'}")
    return {"path": str(path), "allowed": shown}
