"""Names of what is written one after another, by any number of processes.

A name says when it was written, and is later than every name that its writer had seen: clocks that
differ, or are set back, do not put an answer before its question (a hybrid logical clock; Kulkarni
et al. 2014, "Logical Physical Clocks").
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable

_DIGITS = 20
NAME = re.compile(rf"\d{{{_DIGITS}}}-[0-9a-f]{{8}}")


def after(seen: Iterable[str]) -> str:
    """Return a new name, which sorts after all that are in some paths."""
    latest = max((int(name[:_DIGITS]) for path in seen for name in NAME.findall(path)), default=0)
    return f"{max(time.time_ns(), latest + 1):0{_DIGITS}}-{uuid.uuid4().hex[:8]}"
