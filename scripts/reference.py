"""Write the pages of docs/reference from what declares commands, recipes and exit codes.

make reference
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from mlproject.base import errors
from mlproject.cli.main import cli
from training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- Made by `make reference`; do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Return the content of each page by its name."""
    return {"commands.md": _commands(), "recipes.md": _recipes(), "exit-codes.md": _exit_codes()}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


def _commands() -> str:
    intro = "`python -m training` is `mlproject train`, and `python -m inference` is "
    intro += "`mlproject score`. Every command has `--help`."
    parts = [f"{MADE}# Commands\n\n{intro}\n"]
    parts += [_command(path, command) for path, command in _leaves(cli, "mlproject")]
    return "\n".join(parts)


def _leaves(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def _command(path: str, command: click.Command) -> str:
    text = textwrap.dedent(command.help or "").strip()
    about, _, examples = text.partition("\b\n")
    context = click.Context(command, info_name=path)
    usage = " ".join(" ".join(command.collect_usage_pieces(context)).split())
    lines = [f"## {path}", "", _escaped(" ".join(about.split())), ""]
    lines += ["```text", f"{path} {usage}", "```", ""]
    if examples:
        lines += ["```text", textwrap.dedent(examples).strip(), "```", ""]
    rows = [_row(item, context) for item in command.params if not getattr(item, "hidden", False)]
    lines += ["| option | what |", "| --- | --- |", *rows, ""]
    return "\n".join(lines)


def _row(item: click.Parameter, context: click.Context) -> str:
    record = item.get_help_record(context) if isinstance(item, click.Option) else None
    if record is None:
        said = getattr(item, "help", None) or ""
        return f"| `{item.human_readable_name.upper()}` | {_escaped(said)} |"
    name, said = record
    return f"| `{_cell(name)}` | {_escaped(said)} |"


def _recipes() -> str:
    lines = [f"{MADE}# Recipe keys", ""]
    lines += ["A key that is not here is refused. [Recipes](../recipes.md) shows one.", ""]
    lines += _model(Recipe, "")
    return "\n".join(lines)


def _model(model: type[BaseModel], prefix: str) -> list[str]:
    lines = [f"## `{prefix.rstrip('.')}`" if prefix else "## At the top", ""]
    lines += [_escaped(" ".join((model.__doc__ or "").split())), ""]
    lines += ["| key | values | default | what |", "| --- | --- | --- | --- |"]
    sections = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            sections.append((kind, f"{prefix}{name}."))
            link = f"see [`{prefix}{name}`](#{prefix.replace('.', '')}{name})"
            lines.append(f"| `{name}` | a section | | {link} |")
            continue
        default = (
            "required"
            if field.is_required()
            else _default(field.get_default(call_default_factory=True))
        )
        lines.append(
            f"| `{name}` | {_kind(kind)} | {default} | {_escaped(field.description or '')} |"
        )
    lines.append("")
    for kind, path in sections:
        lines += _model(kind, path)
    return lines


def _kind(annotation: Any) -> str:
    text = re.sub(r"\w+\.", "", str(annotation)).replace("<class '", "").replace("'>", "")
    text = re.sub(r"Annotated\[(\w+), .*?\)\]", r"\1", text)
    return f"`{_cell(text)}`"


def _default(value: Any) -> str:
    return "" if value in (None, "", [], {}) else f"`{_cell(str(value))}`"


def _exit_codes() -> str:
    rows = ["| exit code | meaning |", "| --- | --- |", f"| {errors.EXIT_DONE} | done |"]
    for kind in (
        errors.MlprojectError,
        errors.ConfigurationError,
        errors.DataError,
        errors.TrackingError,
        errors.ModelError,
        errors.GateError,
    ):
        said = "Unexpected: a bug." if kind is errors.MlprojectError else kind.__doc__ or ""
        rows.append(f"| {kind.exit_code} | `{kind.__name__}`: {_escaped(said.splitlines()[0])} |")
    rows.append(f"| {errors.EXIT_INTERRUPTED} | interrupted |")
    about = (
        "A failure is one line on standard error that says what is wrong, where, and what to do; "
    )
    about += (
        "with `--json` it is an object on standard output too. From Python it is an exception of "
    )
    about += "the class that is named here. `mlproject submit` ends as the job's command did."
    return f"{MADE}# Exit codes\n\n{about}\n\n" + "\n".join(rows) + "\n"


def _escaped(text: str) -> str:
    """Return a text as Markdown shows it unchanged, in the cell of a table too."""
    return _cell(text).replace("<", "&lt;").replace("*", r"\*").replace("_", r"\_")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    main()
