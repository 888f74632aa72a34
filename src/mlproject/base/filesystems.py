"""File systems of fsspec: those that it knows, and our own."""

from __future__ import annotations

from typing import Any

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
