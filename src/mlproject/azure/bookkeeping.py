"""What the workspace has no other place for: tags that users of our plugins do not see."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

PREFIX = "azureml3."
# A request that makes something carries it, so that what it made is found when its answer is lost.
REQUEST = f"{PREFIX}request"
# Names an artifact that holds what the service rejected of a run, and a tag of those that was
# deleted since.
OVERFLOW = f"{PREFIX}overflow."
DELETED = f"{PREFIX}deleted."
# The longest value of a tag that Azure ML documents.
LONGEST_VALUE = 1000


def new_request() -> str:
    return uuid.uuid4().hex


def shown(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are the user's and not ours."""
    return {name: value for name, value in tags.items() if not name.startswith(PREFIX)}


def written(name: str, content: Mapping[str, Any]) -> dict[str, str]:
    """Return tags that hold a mapping as JSON, in as many pieces as it needs."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    pieces = [text[at : at + LONGEST_VALUE] for at in range(0, len(text), LONGEST_VALUE)]
    return {f"{name}.{number}": piece for number, piece in enumerate(pieces)}


def read(name: str, tags: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the mapping that ``written`` has put into tags; None when a piece of it is missing."""
    text = "".join(_pieces(name, tags))
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _pieces(name: str, tags: Mapping[str, str]) -> Iterable[str]:
    number = 0
    while f"{name}.{number}" in tags:
        yield tags[f"{name}.{number}"]
        number += 1
