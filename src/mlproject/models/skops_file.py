"""What a skops file would construct, read from its schema before anything is constructed.

skops names the types that it would make, node by node, but takes a node's word for what it is: a
``PartialNode`` that calls itself an estimator is listed as one. So each node is judged here by how
it would be loaded.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from mlproject.models import safe_types

_LARGEST_SCHEMA = 256 << 20
_LARGEST_FILE = 16 << 30
# How many times its size a file may be unpacked. skops and MLflow do not deflate by themselves: the
# ratio is 1. Deflated forests have 3 to 16 (their schema 30 to 55, arrays of 30 classes 20); zeros
# have 1000. Below the size, a ratio harms nobody: nearest neighbours of sparse rows have 500.
_MOST_DEFLATED = 100
_ANY_RATIO_BELOW = 64 << 20

_PLAIN = frozenset(
    f"builtins.{name}"
    for name in ("bool", "bytearray", "bytes", "complex", "dict", "float", "int", "list", "set")
) | frozenset(
    [
        *("builtins.NoneType", "builtins.object", "builtins.range", "builtins.slice"),
        *("builtins.str", "builtins.tuple", "builtins.type", "collections.OrderedDict"),
        *("collections.defaultdict", "datetime.datetime", "datetime.timedelta"),
    ]
)
# What each loader makes; another class under its name is a disguise.
_OWN = {
    "BytearrayNode": frozenset(["builtins.bytearray"]),
    "BytesNode": frozenset(["builtins.bytes"]),
    "DTypeNode": frozenset(["numpy.dtype"]),
    "DefaultDictNode": frozenset(["collections.defaultdict"]),
    "DictNode": frozenset(
        ["builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"]
    ),
    "ListNode": frozenset(["builtins.list"]),
    "SetNode": frozenset(["builtins.set"]),
    "SliceNode": frozenset(["builtins.slice"]),
    "TreeNode": frozenset(["sklearn.tree._tree.Tree"]),
    "TupleNode": frozenset(["builtins.tuple"]),
}
_PACKAGES = {
    "LossNode": ("sklearn._loss.", "sklearn.linear_model._sgd_fast."),
    "MaskedArrayNode": ("numpy.",),
    "NdArrayNode": ("numpy.",),
    "ObjectNode": (
        *("sklearn.", "scipy.interpolate.", "numpy.", "pandas.core.dtypes."),
        "mlproject_features.",
    ),
    "RandomGeneratorNode": ("numpy.random.",),
    "RandomStateNode": ("numpy.random.",),
    "SparseMatrixNode": ("scipy.sparse.",),
    "TypeNode": ("numpy.",),
}


class TooLargeError(ValueError):
    """The file is larger unpacked than a model is."""


def foreign(data: bytes) -> list[str]:
    """Return what the file would make that is not known to be data, sorted.

    A ValueError says that it is no skops file, or larger unpacked than a model is.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.getinfo("schema.json").file_size > _LARGEST_SCHEMA:
            raise TooLargeError(f"its schema has more than {_LARGEST_SCHEMA >> 20} MB")
        _check_size(sum(item.file_size for item in archive.infolist()), len(data))
        nodes = list(_nodes(json.loads(archive.read("schema.json"))))
        # A file is unpacked for each node that names it.
        files = [node["file"] for node in nodes if isinstance(node.get("file"), str)]
        inside = {name: _unpacked(archive, name) for name in set(files)}
        _check_size(sum(inside[name] for name in files), len(data))
    return sorted({name for node in nodes if (name := _refused(node)) is not None})


def _check_size(size: int, packed: int) -> None:
    if size > _LARGEST_FILE:
        raise TooLargeError(f"it has more than {_LARGEST_FILE >> 30} GB unpacked")
    if size > max(_ANY_RATIO_BELOW, _MOST_DEFLATED * packed):
        raise TooLargeError(f"it has {size >> 20:,} MB unpacked, and {packed >> 20:,} MB packed")


def _unpacked(archive: zipfile.ZipFile, name: str) -> int:
    """Return the bytes of a member; of a sparse matrix, which is an archive too, those in it."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as member:
        if not zipfile.is_zipfile(member):
            return size
        with zipfile.ZipFile(member) as inner:
            return size + sum(item.file_size for item in inner.infolist())


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "__loader__" in item or "__class__" in item:
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _refused(node: dict[str, Any]) -> str | None:
    """Return the name of what a node would make when it must not be made."""
    loader = node.get("__loader__")
    name = f"{node.get('__module__')}.{node.get('__class__')}"
    if loader == "CachedNode":
        return None
    if loader == "FunctionNode":
        return None if safe_types.is_function(name) else name
    if loader == "PartialNode" and name == "functools.partial" and _checks_arrays(node):
        return None
    if loader in _OWN and name in _OWN[loader]:
        return None
    if loader in ("JsonNode", "TypeNode") and name in _PLAIN:
        return None
    if loader in _PACKAGES and name.startswith(_PACKAGES[loader]) and safe_types.is_class(name):
        return None
    if loader in _OWN or loader in _PACKAGES or loader == "JsonNode":
        disguised = name in _PLAIN or safe_types.is_class(name)
        return f"{name} ({loader})" if disguised else name
    return f"{name} ({loader})"


def _checks_arrays(node: dict[str, Any]) -> bool:
    """Whether a partial is of the function that checks arrays, with nothing given by position."""
    content = node.get("content")
    if not isinstance(content, dict):
        return False
    parts = [content.get(key) for key in ("func", "args", "namespace")]
    function, arguments, namespace = (part if isinstance(part, dict) else {} for part in parts)
    name = f"{function.get('__module__')}.{function.get('__class__')}"
    if function.get("__loader__") != "FunctionNode" or name != safe_types.CHECK_ARRAY:
        return False
    return arguments.get("content") == [] and namespace.get("content") == "null"
