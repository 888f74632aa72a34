"""Who may do what in the storage account."""

from __future__ import annotations

from werkzeug import Request

from mlproject.emulator.identities import GUEST_ID, STORAGE_AUDIENCE
from mlproject.emulator.keeping.state import State
from mlproject.emulator.storage import shared_key

EVERYTHING = "rcwdl"
NOT_SIGNED_IN = "NoAuthenticationInformation"
NO_PERMISSION = "AuthorizationPermissionMismatch"
_FAILED = "AuthenticationFailed"
_NO_KEYS = "KeyBasedAuthenticationNotPermitted"


_NO_SUCH_IDENTITY = "InvalidAuthenticationInfo"


class StorageDeniedError(Exception):
    """A request that nobody may make who is not known; the text is the code of the error."""

    @property
    def status(self) -> int:
        return 401 if str(self) in (NOT_SIGNED_IN, _NO_SUCH_IDENTITY) else 403


def permissions(state: State, request: Request) -> str:
    """Return what a request may do, a letter each: read, create, write, delete, list.

    Raises
    ------
    StorageDeniedError
        When what it brings does not hold.
    """
    if "sig" not in request.args:
        return _of_header(state, request)
    if request.args.get("sr") == "c":  # by the account's key, as those of datastores are
        _check_keys(state)
    permitted = state.key.permissions(request)
    if not permitted and (permitted := shared_key.permissions(request, state.key.account)):
        _check_keys(state)
    if not permitted:
        raise StorageDeniedError(_FAILED)
    return permitted


def _of_header(state: State, request: Request) -> str:
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    if scheme == "Bearer":
        return _of_token(state, request)
    if scheme != "SharedKey":
        raise StorageDeniedError(NOT_SIGNED_IN)
    _check_keys(state)
    if not shared_key.holds(request, state.key.account):
        raise StorageDeniedError(_FAILED)
    return EVERYTHING


def _of_token(state: State, request: Request) -> str:
    claims = state.key.claims(request)
    if claims is None or str(claims["aud"]).rstrip("/") != STORAGE_AUDIENCE:
        raise StorageDeniedError(_NO_SUCH_IDENTITY)
    if claims["appid"] == GUEST_ID or state.settings.no_storage_role:
        raise StorageDeniedError(NO_PERMISSION)
    return EVERYTHING


def _check_keys(state: State) -> None:
    if state.settings.no_key_access:
        raise StorageDeniedError(_NO_KEYS)
