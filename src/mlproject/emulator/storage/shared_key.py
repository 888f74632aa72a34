"""The signature by which a request shows that its sender has the storage account's key.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

from werkzeug import Request

from mlproject.emulator.identities import ACCOUNT
from mlproject.emulator.keeping.signing import now

_SIGNED = (
    *("content-encoding", "content-language", "content-length", "content-md5", "content-type"),
    *("date", "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"),
)
# What clients leave as it is in a path.
_UNQUOTED = "/~!$&'()*+,;=:@"


def holds(request: Request, key: str) -> bool:
    """Whether a request is signed by the key of the account, given as base64."""
    given = request.headers.get("Authorization", "").removeprefix(f"SharedKey {ACCOUNT}:")
    return any(
        hmac.compare_digest(given.encode(), _signature(key, _text(request, path)).encode())
        # Clients differ in what they quote, and sign what they sent.
        for path in (quote(request.path, safe="/"), quote(request.path, safe=_UNQUOTED))
    )


def permissions(request: Request, key: str) -> str:
    """Return what a URL permits that a client has signed itself: nothing where it does not hold.

    https://learn.microsoft.com/rest/api/storageservices/create-service-sas
    """
    query, container = request.args, f"/{request.path.split('/')[1]}"
    path = container if query.get("sr") == "c" else request.path
    before = (query.get(name, "") for name in ("sp", "st", "se"))
    after = (query.get(name, "") for name in ("si", "sip", "spr", "sv", "sr"))
    unsigned = ("", "")  # a snapshot, and a scope of encryption
    headers = (query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct"))
    text = "\n".join((*before, f"/blob/{ACCOUNT}{path}", *after, *unsigned, *headers))
    holds = hmac.compare_digest(query.get("sig", "").encode(), _signature(key, text).encode())
    return query.get("sp", "") if holds and query.get("se", "") > now() else ""


def _sent(name: str) -> str:
    """Return a header's name as it was sent: WSGI knows no underscores, which metadata has."""
    before, found, own = name.partition("x-ms-meta-")
    return f"{before}{found}{own.replace('-', '_')}" if found else name


def _signature(key: str, text: str) -> str:
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _text(request: Request, path: str) -> str:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get("content-length") == "0":
        headers["content-length"] = ""
    ours = sorted((_sent(n), value) for n, value in headers.items() if n.startswith("x-ms-"))
    lines = [request.method, *(headers.get(name, "") for name in _SIGNED)]
    lines += [f"{name}:{value.strip()}" for name, value in ours]
    lines.append(f"/{ACCOUNT}{path}")
    query = request.args.items(multi=False)
    lines += [f"{name}:{value}" for name, value in sorted((n.lower(), v) for n, v in query)]
    return "\n".join(lines)
