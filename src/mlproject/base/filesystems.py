"""File systems of fsspec: those that it knows, and our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlproject.base.progress import Transfer

# Named, as nothing here may import it. A process that a cluster runs registers it as well.
_OURS = dict.fromkeys(("azureml", "wasbs"), "mlproject.azure.workspace_data.blob_files.BlobFiles")


def opened(url: str, **options: Any) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it; nothing is believed of old listings."""
    import fsspec

    register()
    files, path = fsspec.url_to_fs(url, **options)
    files.invalidate_cache()
    return files, path


def register() -> None:
    import fsspec

    for protocol, name in _OURS.items():
        fsspec.register_implementation(protocol, name, clobber=True)


def telling(transfer: Transfer, *, alone: bool = False) -> Any:
    """Return the callback by which fsspec tells how far it has come with one file of a transfer.

    A file that is ``alone`` also tells how large the whole transfer is.
    """
    from fsspec.callbacks import Callback

    come = transfer.one_file()

    def called(size: int | None, value: int, **_: Any) -> None:
        if alone:
            transfer.total = size
        come(value)

    return Callback(hooks={"come": called})
