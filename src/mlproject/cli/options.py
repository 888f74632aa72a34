"""From declared options to those of click. An empty value, as MLproject passes it, is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.types import OptionHelpExtra

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Argument, Declared, declared

SHARED = (
    click.Option(
        ["--json", "as_json"], is_flag=True, help="Print one JSON object on standard output."
    ),
    click.Option(
        ["--quiet"], is_flag=True, help="Show no progress: only the result, warnings and errors."
    ),
    click.Option(["--debug"], is_flag=True, help="Show the traceback of a failure."),
)
WORKSPACE = (
    click.Option(
        ["--workspace"],
        metavar="PATH",
        help="config.json of the Azure ML workspace, or its folder; by default the nearest one.",
    ),
    click.Option(
        ["--interactive"],
        is_flag=True,
        help="Sign in to Azure with a browser or a device code if nothing else works.",
    ),
)


class _Number(click.types.FloatParamType):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        share = isinstance(param, _Declared) and param.item.option.is_share
        try:
            if share and isinstance(value, str) and value.strip().endswith("%"):
                return float(value.strip()[:-1]) / 100
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)


_TYPES = {str: click.STRING, int: click.INT, float: _Number(), bool: click.BOOL}


class _Declared(click.Parameter):
    """A parameter of click that follows its declaration; mixed into click's own two kinds."""

    item: Declared

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value, checked; None or an empty tuple where it is empty."""
        if value in ("", ()) and self.required:
            raise click.MissingParameter(ctx=ctx, param=self)
        if value == "":
            return None
        if self.item.repeated and value:
            value = tuple(text for text in value if text)
        found = super().type_cast_value(ctx, value)
        if found is not None and self.item.kind in (int, float):
            problem = self.item.option.problem(found)
            if problem:
                raise click.BadParameter(problem, ctx, self)
        if found and self.item.option.separator:
            parts = (part.strip() for part in found.split(self.item.option.separator))
            return [part for part in parts if part]
        return found


class _Option(_Declared, click.Option):
    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        extra = super().get_help_extra(ctx)
        if self.item.bounds:
            extra["range"] = self.item.bounds
        if self.item.default_text:
            extra["default"] = self.item.default_text
        return extra


class _Argument(_Declared, click.Argument):
    pass


def parameters(owner: Callable[..., Any]) -> list[click.Parameter]:
    return [_parameter(item) for item in declared(owner)]


def _parameter(item: Declared) -> click.Parameter:
    settings: dict[str, Any] = {"help": item.help, "metavar": item.option.metavar}
    settings["type"] = (
        click.Choice(item.choices, case_sensitive=False) if item.choices else _TYPES[item.kind]
    )
    made: _Option | _Argument
    if isinstance(item.option, Argument):
        if item.repeated:
            settings |= {"nargs": -1, "type": click.UNPROCESSED}
        made = _Argument([item.name], required=item.required, **settings)
    else:
        settings["required"] = item.required
        if item.default is True:
            settings |= {"is_flag": True, "callback": lambda _, __, given: not given}
        elif item.kind is bool and not item.option.in_project:
            settings["is_flag"] = True
        elif item.kind is bool:  # also with a value, as MLproject has no flags
            settings |= {"is_flag": False, "flag_value": "true", "metavar": "[BOOLEAN]"}
        else:
            settings["multiple"] = item.repeated
        made = _Option([item.flag, item.name], **settings)
    made.item = item
    return made


def choose_workspace(path: str | None, *, interactive: bool) -> None:
    """Make the workspace that the options name this process's own."""
    if not path and not interactive:
        return
    from mlproject.azure.connection import credentials, workspace

    if interactive and not credentials.somebody_is_there():
        raise ConfigurationError(
            "--interactive needs somebody at a terminal",
            "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET instead",
        )
    workspace.use(path, interactive=interactive)
