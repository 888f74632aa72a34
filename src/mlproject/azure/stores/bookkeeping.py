"""What the workspace has no other place for: tags that users of our plugins do not see."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

PREFIX = "azureml3."
# A request that makes something carries it, so that what it made is found when its answer is lost.
REQUEST = f"{PREFIX}request"
# The same of a run; it becomes ``OVERFLOWS`` with the first thing that the service rejects of the
# run. A tag that is there already can be set where there is no room for another.
RUN = f"{PREFIX}run"
OVERFLOWS = "overflow"
# The longest value of a tag that Azure ML documents.
LONGEST_VALUE = 1000


def new_request() -> str:
    return uuid.uuid4().hex


def shown(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are the user's and not ours."""
    return {name: value for name, value in tags.items() if not name.startswith(PREFIX)}
