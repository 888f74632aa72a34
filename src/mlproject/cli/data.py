"""``mlproject data``: list, show, register, get."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Argument, Option
from mlproject.cli.frame import LazyGroup, command

_HERE = "mlproject.cli.data"


@click.group(
    cls=LazyGroup,
    lazy={
        "list": (f"{_HERE}:list_data", "List the data assets of the workspace."),
        "show": (f"{_HERE}:show", "Show the versions of a data asset, and where they are."),
        "register": (f"{_HERE}:register", "Register a file or a folder as a data asset."),
        "get": (f"{_HERE}:get", "Download a data asset, or a path in a datastore."),
    },
)
def data() -> None:
    """Register, find and download data of an Azure ML workspace."""


@command("list", workspace=True)
def list_data(reporter: Reporter) -> dict[str, Any]:
    """List the data assets of the workspace."""
    from mlproject import api

    with reporter.step("Asking the workspace"):
        found = api.list_data()
    rows = [(item.name, item.type, item.latest) for item in found]
    reporter.table("Data assets", ("name", "type", "latest version"), rows)
    return {"data": [dataclasses.asdict(item) for item in found]}


@command(workspace=True)
def show(
    reporter: Reporter,
    name: Annotated[str, Argument("NAME, azureml:NAME:VERSION or azureml:NAME@latest.")],
) -> dict[str, Any]:
    """Show the versions of a data asset, and where they are.

    NAME is NAME for all versions, azureml:NAME:VERSION or azureml:NAME@latest for one.
    """
    from mlproject import api
    from mlproject.data.remote import shown

    found = api.show_data(name)
    rows = [
        (
            item.version,
            item.type,
            item.created.partition("T")[0],
            shown(item.uri),
            ", ".join(f"{key}={value}" for key, value in item.tags.items()),
            item.description,
        )
        for item in found
    ]
    heads = ("version", "type", "registered", "where", "tags", "description")
    reporter.table(found[0].name, heads, rows)
    versions = [dataclasses.asdict(item) for item in found]
    return {"name": found[0].name, "versions": versions}


@command(workspace=True)
def register(
    reporter: Reporter,
    name: Annotated[str, Argument("Name of the data asset.")],
    source: Annotated[str, Argument("File, folder, or path in a datastore.")],
    version: Annotated[
        str | None, Option("Version; by default the next number.", metavar="N")
    ] = None,
    description: Annotated[
        str | None, Option("Description of the data asset.", metavar="TEXT")
    ] = None,
    tag: Annotated[Sequence[str], Option("A tag.", metavar="NAME=VALUE")] = (),
) -> dict[str, Any]:
    """Register SOURCE as a version of the data asset NAME.

    A file or a folder of this machine is uploaded to the default datastore first; what is there
    already is neither uploaded nor registered again.

    \b
    Examples:
      mlproject data register pima pima-diabetes.csv
      mlproject data register new azureml://datastores/workspaceblobstore/paths/new/
    """
    from mlproject import api

    tags = dict(_tag(text) for text in tag)
    with reporter.step("Registering"):
        done = api.register_data(name, source, version=version, description=description, tags=tags)
    asset = done.asset
    rows = [("name", asset.text), ("type", asset.type), ("where", asset.uri)]
    reporter.table("Registered", ("", ""), [*rows, ("files uploaded", str(done.uploaded))])
    return dataclasses.asdict(asset) | {"uploaded": done.uploaded}


@command(workspace=True)
def get(
    reporter: Reporter,
    source: Annotated[str, Argument("Data asset, or path in a datastore.")],
    output: Annotated[str, Option("Folder to download to.", metavar="FOLDER")] = ".",
    overwrite: Annotated[bool, Option("Replace files that are there.")] = False,
) -> dict[str, Any]:
    """Download SOURCE unchanged.

    \b
    Examples:
      mlproject data get azureml:pima@latest
      mlproject data get azureml://datastores/workspaceblobstore/paths/scored/ --output scored
    """
    from mlproject import api
    from mlproject.data.remote import shown

    with reporter.step(f"Getting {shown(source)}"):
        files = api.get_data(source, output, overwrite=overwrite)
    reporter.emit("\n".join(str(path) for path in files))
    return {"source": source, "files": [str(path) for path in files]}


def _tag(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise ConfigurationError(f"--tag '{text}' is not NAME=VALUE")
    return name, value
