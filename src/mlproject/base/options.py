"""Options, each declared once: where its value is used.

A field of a request, or a parameter of a command, is an option when its annotation says so:

    seed: Annotated[int | None, Option("Seed of the split", minimum=0)] = None

Name, type and default are the field's own, and its choices those of a ``Literal``. What else shows
options follows from ``declared``: the command line (``mlproject.cli.options``), the file
``MLproject`` (``scripts/mlproject_file.py``), and the check of what Python hands in (``Options``).
A parameter that is a request stands for the request's options; one that ``Overrides`` a pydantic
model stands for one option a field, whose description and bounds are the model's.

None and an empty sequence are "not given" everywhere. Nothing here imports click or pydantic, so
that a command can show its help at once.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from mlproject.base.errors import ConfigurationError

NOT_GIVEN = (None, "", ())
_METAVARS = {int: "N", float: "X"}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([KMG]?)I?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Option:
    """What an option has beside the name, type and default of its field.

    Attributes
    ----------
    help : str
        One or two sentences. Of an option that can be repeated, the command line says so.
    metavar : str, optional
        What stands for the value; by default the choices, N, X or TEXT.
    flag : str, optional
        By default the field's name with dashes; with ``--no-`` before it where the default is True.
    minimum, maximum, above : float, optional
        Bounds; only the last is not allowed itself.
    other : float, optional
        A number that is allowed below the minimum.
    expected : str
        What is asked for, where the bounds alone do not say it.
    separator : str
        What stands between the items of a list; without one, the option is repeated.
    unset : str
        What help calls the default, where None stands for something.
    in_project : bool
        Whether it is a parameter of ``MLproject``.
    required : bool
        Whether ``MLproject`` insists on a value that the command itself asks for in its own words.
    """

    help: str = ""
    metavar: str | None = None
    flag: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    other: float | None = None
    expected: str = ""
    separator: str = ""
    unset: str = ""
    in_project: bool = True
    required: bool = False

    @property
    def bounds(self) -> str:
        """The bounds in words; nothing without bounds."""
        if self.minimum is not None and self.maximum is not None:
            return f"from {self.minimum:.10g} to {self.maximum:.10g}"
        if self.minimum is not None:
            return f"at least {self.minimum:.10g}"
        return f"above {self.above:.10g}" if self.above is not None else ""

    @property
    def is_share(self) -> bool:
        """Whether it is a part of one, which may be written as 5% too."""
        return (self.minimum, self.maximum) == (0, 1)

    def problem(self, value: float) -> str | None:
        low = self.minimum is None or value >= self.minimum or value == self.other
        high = self.maximum is None or value <= self.maximum
        if low and high and (self.above is None or value > self.above):
            return None if math.isfinite(value) else "give a finite number"
        return f"give {self.expected}" if self.expected else f"{value:.10g} is not {self.bounds}"


class Argument(Option):
    """A value that is given by its position; the rest of the line, where it is a sequence."""


def jobs(of: str, unset: str = "1, or all on a cluster") -> Option:
    """Return the option ``--jobs`` for fits, parts, or the like."""
    return Option(
        f"{of.capitalize()} at a time; -1 for all cores.",
        metavar="N",
        minimum=1,
        other=-1,
        expected=f"a number of {of}, or -1 for all cores",
        unset=unset,
    )


def size_in_bytes(flag: str, text: str) -> int:
    """Return the bytes that the value of an option stands for."""
    found = _SIZE.fullmatch(text.strip())
    size = float(found[1]) * _UNITS[(found[2] or "").upper()] if found else 0
    if size < 1:
        raise ConfigurationError(f"{flag} is '{text}'", "Give a size such as 64MB, 500KB or 1GB")
    return int(size)


@dataclass(frozen=True)
class Overrides:
    """A mapping with what is given of a pydantic model's fields."""

    model: Any


@dataclass(frozen=True)
class Declared:
    """An option, complete.

    Attributes
    ----------
    kind : type
        Of one value: str, int, float or bool.
    repeated : bool
        Whether the value is a sequence without a separator.
    required : bool
        Whether the field has no default.
    elsewhere : bool
        Whether a value that is not given is looked for in the recipe first.
    """

    name: str
    option: Option
    kind: type
    choices: tuple[str, ...]
    repeated: bool
    required: bool
    default: Any
    elsewhere: bool = False

    @property
    def flag(self) -> str:
        no = "no-" if self.default is True else ""
        return self.option.flag or f"--{no}{self.name.replace('_', '-')}"

    @property
    def help(self) -> str:
        again = self.repeated and not isinstance(self.option, Argument)
        return f"{self.option.help} Repeatable." if again else self.option.help

    @property
    def bounds(self) -> str:
        """What a number has to be, where the help does not say it."""
        return "" if self.option.expected else self.option.bounds

    @property
    def default_text(self) -> str:
        """The default as a reader is told it; nothing where the help tells it, or there is none."""
        if self.kind is bool or self.default in NOT_GIVEN or self.default == []:
            return self.option.unset
        text = f"{self.default:g}" if self.kind is float else str(self.default)
        return f"the recipe's, or {text}" if self.elsewhere else text


Tracking = Annotated[
    str | None,
    Option(
        "Where runs and models are kept: local, azureml, or any MLflow URI.",
        metavar="TARGET",
        in_project=False,
    ),
]
Delimiter = Annotated[
    str | None,
    Option(
        "Delimiter of CSV files: a character, or tab.",
        metavar="CHAR",
        unset="detected in the header",
        in_project=False,
    ),
]
DecimalPoint = Annotated[
    Literal[".", ","] | None,
    Option(
        "Decimal point in CSV files.",
        unset="as in training, or else detected in the numbers",
        in_project=False,
    ),
]
BetweenThousands = Annotated[
    str | None,
    Option(
        "Thousands separator in CSV files: , or . or ' or space.",
        metavar="CHAR",
        unset=". where the decimal point is a comma",
        in_project=False,
    ),
]
Trust = Annotated[
    Sequence[str],
    Option(
        "Load models that can run code: any pickle, or the one file with this hash.",
        metavar="pickle|sha256:HEX",
    ),
]


class Options:
    """A dataclass of options, whose values are checked when it is made."""

    def __post_init__(self) -> None:
        for item in declared(type(self)):
            value = getattr(self, item.name, None)
            if value is None:
                continue
            problem = None
            if item.choices and value not in item.choices:
                problem = f"'{value}' is not one of {', '.join(map(repr, item.choices))}"
            elif item.kind in (int, float):
                problem = item.option.problem(value)
            if problem:
                raise ConfigurationError(f"'{item.name}': {problem}")


def declared(owner: Any) -> Iterator[Declared]:
    """Yield the options of a request or a command, in the order in which they stand."""
    for name, hint, default in _members(owner):
        marker = _marker(hint)
        if isinstance(marker, Option):
            yield _declared(name, hint, default, marker)
        elif isinstance(marker, Overrides):
            yield from (replace(item, elsewhere=True) for item in _of_model(marker.model))
        elif _is_options(hint):
            yield from declared(hint)


def collected(owner: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to call a request or a command with, its requests made from their values.

    ``values`` are by option; what is not given is left to the default.
    """
    arguments: dict[str, Any] = {}
    for name, hint, _ in _members(owner):
        marker = _marker(hint)
        if isinstance(marker, Overrides):
            names = [item.name for item in _of_model(marker.model)]
            given = (key for key in names if values[key] not in NOT_GIVEN)
            # A switch that is not turned on leaves the rule to the recipe.
            arguments[name] = {key: values[key] for key in given if values[key] is not False}
        elif _is_options(hint):
            arguments[name] = hint(**collected(hint, values))
        elif values.get(name) not in NOT_GIVEN:
            arguments[name] = values[name]
    return arguments


def _members(owner: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, annotation and default; ``MISSING`` where there is none."""
    hints = get_type_hints(owner, include_extras=True)
    if is_dataclass(owner):
        for field in fields(owner):
            made = field.default_factory() if field.default_factory is not MISSING else MISSING
            yield field.name, hints[field.name], field.default if made is MISSING else made
        return
    for name, parameter in inspect.signature(owner).parameters.items():
        empty = parameter.default is inspect.Parameter.empty
        yield name, hints[name], MISSING if empty else parameter.default


def _of_model(model: Any) -> Iterator[Declared]:
    for name, field in model.model_fields.items():
        limits = {
            bound: getattr(item, attribute)
            for item in field.metadata
            for attribute, bound in (("ge", "minimum"), ("le", "maximum"), ("gt", "above"))
            if hasattr(item, attribute)
        }
        given = next((item for item in field.metadata if isinstance(item, Option)), Option())
        option = replace(given, help=field.description, **limits)
        default = field.get_default(call_default_factory=True)
        yield _declared(name, field.annotation, default, option)


def _declared(name: str, hint: Any, default: Any, option: Option) -> Declared:
    inner = _plain(hint)
    choices = get_args(inner) if get_origin(inner) is Literal else ()
    several = get_origin(inner) not in (None, Literal)
    kind = str if choices or several else inner
    if option.metavar is None and kind in _METAVARS:
        option = replace(option, metavar=_METAVARS[kind])
    return Declared(
        name,
        option,
        kind,
        choices,
        repeated=several and not option.separator,
        required=default is MISSING,
        default=None if default is MISSING else default,
    )


def _marker(hint: Any) -> Option | Overrides | None:
    if get_origin(hint) is Union:  # Python 3.10 adds None to a parameter whose default it is
        hint = get_args(hint)[0]
    if get_origin(hint) is not Annotated:
        return None
    return next((item for item in get_args(hint) if isinstance(item, (Option, Overrides))), None)


def _is_options(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Options)


def _plain(hint: Any) -> Any:
    """Return a type without its annotations, and without None."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return _plain(next(item for item in get_args(hint) if item is not NoneType))
    return hint
