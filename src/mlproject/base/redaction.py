"""Addresses without their secrets: what may be printed, tagged and stored."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s@'\"]*@")
_QUERY = re.compile(r"(?P<address>[A-Za-z][A-Za-z0-9+.-]*://[^\s?'\"]*)\?[^\s'\"]*")


def redacted(address: str) -> str:
    """Return an address without user, password and query (where SAS tokens travel)."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # not an address after all
        return redacted_text(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")) if host else redacted_text(address)


def redacted_text(text: str) -> str:
    """Return a message in which every address has lost user, password and query."""
    without_user = _USER_INFO.sub(lambda match: match["scheme"], text)
    return _QUERY.sub(lambda match: match["address"], without_user)
