"""Hosts of addresses, read as whatever connects to them reads them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# Names and a port, and nothing that two parsers may read in two ways.
_HOST = re.compile(r"(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?")


def host_of(uri: str) -> str | None:
    """Return the host of a URI, with its port, in lower case.

    None for what is no plain host: with a user, a backslash, a blank or letters outside ASCII,
    which one parser takes for a part of the host and another for its end.
    """
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        host = urlsplit(uri).netloc.lower()
        connected = parse_url(f"https://{host}")
    except (ValueError, LocationParseError):  # of brackets without an address, say
        return None
    written = uri.partition("://")[2].partition("/")[0].lower()
    return host if _HOST.fullmatch(written) and host == connected.netloc == written else None


def is_loopback(uri: str) -> bool:
    """Whether a URI leads to this machine."""
    host = host_of(uri)
    return host is not None and _LOOPBACK.fullmatch(host) is not None
