"""How much memory this process has had."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path


def peak_rss_mb() -> float | None:
    """Return the most memory that this process has had, in MB; None where that is not known."""
    with suppress(OSError):  # Linux; its getrusage counts in the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        peak = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
        if peak:
            return round(int(peak[1]) / 1024, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(usage / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
