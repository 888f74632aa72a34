"""How long to wait before something is tried again, and how often it is."""

from __future__ import annotations

from typing import Any

ATTEMPTS = 7
_LONGEST_SECONDS = 30.0


def pause_before(attempt: int) -> float:
    """Return the seconds to wait after so many attempts have failed, the first being 0."""
    return min(0.25 * float(2**attempt), _LONGEST_SECONDS)


def retry_after(response: Any) -> float:
    """Return the seconds that an answer asks to wait, within reason; 0 when it says nothing."""
    text = str(getattr(response, "headers", {}).get("Retry-After", ""))
    return min(float(text), _LONGEST_SECONDS) if text.isdigit() else 0.0
