"""Addresses without their secrets: what may be printed, tagged and stored."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

# Before the @ of these stands a container, no secret; what has a colon is one all the same.
_CONTAINER = r"(?:abfss?|wasbs?)://[^/\s@:'\"]*@"
_USER_INFO = re.compile(
    rf"(?P<kept>{_CONTAINER}(?![^/\s'\"]*@))|(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]*@",
    re.IGNORECASE,
)
_QUERY = re.compile(r"(?P<address>[A-Za-z][A-Za-z0-9+.-]*://[^\s?'\"]*)\?[^\s'\"]*")


def redacted(address: str) -> str:
    """Return an address without user, password and query (where SAS tokens travel)."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # not an address after all
        return redacted_text(address)
    if not parts.netloc.rpartition("@")[2]:
        return redacted_text(address)
    return _without_user(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")))


def redacted_text(text: str) -> str:
    """Return a message in which every address has lost user, password and query."""
    return _QUERY.sub(lambda match: match["address"], _without_user(text))


def _without_user(text: str) -> str:
    return _USER_INFO.sub(lambda match: match["kept"] or match["scheme"], text)
