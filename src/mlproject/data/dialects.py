"""How a CSV file is written: what stands between values, before fractions, between thousands.

The dialect that training finds is recorded with the model. It holds for every file that has its
delimiter, so that a value is the same number in training and in scoring, whatever its neighbours.
What a user says comes first; what neither says is seen in the file.

In a file with decimal commas, a full stop can only stand between thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from mlproject.base.errors import ConfigurationError

Decimal = Literal[".", ","]
Thousands = Literal[",", ".", " ", "'"]
_DECIMALS, _THOUSANDS = (".", ","), (",", ".", " ", "'")
# What is hard to type.
_NAMES = {"tab": "\t", r"\t": "\t", "space": " "}


def _check(delimiter: str | None, decimal: str | None, thousands: str | None) -> None:
    if delimiter is not None and not _can_separate(delimiter):
        raise ValueError(f"{delimiter!r} cannot be a delimiter: give one character, or tab")
    if decimal not in (None, *_DECIMALS):
        raise ValueError(f"{decimal!r} cannot be a decimal point: give . or ,")
    if thousands not in (None, *_THOUSANDS):
        raise ValueError(
            f"{thousands!r} cannot be a thousands separator: give , or . or ' or space"
        )
    if thousands is not None and thousands == decimal:
        raise ValueError(f"{decimal!r} cannot be both decimal point and thousands separator")


def _can_separate(text: str) -> bool:
    return len(text) == 1 and text.isascii() and not text.isalnum() and text not in '"\r\n.+-\0'


@dataclass(frozen=True)
class Dialect:
    """How a file, or each file that a model takes, is written."""

    delimiter: str = ","
    decimal: Decimal = "."
    thousands: Thousands | None = None

    def __post_init__(self) -> None:
        _check(self.delimiter, self.decimal, self.thousands)


@dataclass(frozen=True)
class DialectOptions:
    """What a user says of a dialect; None is not said."""

    delimiter: str | None = None
    decimal: Decimal | None = None
    thousands: Thousands | None = None

    def __post_init__(self) -> None:
        _check(self.delimiter, self.decimal, self.thousands)

    @property
    def known_decimal(self) -> Decimal | None:
        """The decimal point that is said, or that follows from what stands between thousands."""
        if self.decimal is not None or self.thousands not in _DECIMALS:
            return self.decimal
        return "." if self.thousands == "," else ","


@dataclass(frozen=True)
class Hints:
    """What is known of a source's files before they are read.

    Attributes
    ----------
    options : DialectOptions
        What the user says.
    recorded : Dialect or None
        That of the data which the model was trained on.
    features : tuple of str
        Columns that the files should have.
    """

    options: DialectOptions = DialectOptions()
    recorded: Dialect | None = None
    features: tuple[str, ...] = ()

    def delimiter(self, seen: Sequence[str], header: Callable[[str], Collection[str]]) -> str:
        """Return a file's delimiter.

        Parameters
        ----------
        seen : sequence of str
            Delimiters that the header holds, the likeliest first.
        header : callable
            Returns the columns that the file has with a delimiter.
        """
        if self.options.delimiter is not None:
            return self.options.delimiter
        recorded = self.recorded.delimiter if self.recorded is not None else None
        candidates = sorted(seen, key=lambda item: item != recorded) or [recorded or ","]
        if len(candidates) == 1 or not self.features:
            return candidates[0]
        wanted = set(self.features)
        return max(candidates, key=lambda item: len(wanted.intersection(header(item))))

    def decimal(self, delimiter: str) -> Decimal | None:
        """Return the decimal point of a file with a delimiter; None where it has to be seen."""
        said = self.options.known_decimal
        if said is None and self.recorded is not None and self.recorded.delimiter == delimiter:
            return self.recorded.decimal
        return said

    def dialect(self, delimiter: str, decimal: Decimal) -> Dialect:
        """Return the dialect of a file whose decimal point is known."""
        thousands = self.options.thousands
        if thousands is None and self.recorded is not None:
            same = (self.recorded.delimiter, self.recorded.decimal) == (delimiter, decimal)
            thousands = self.recorded.thousands if same else None
        if thousands is None and decimal == ",":
            thousands = "."
        return Dialect(delimiter, decimal, thousands)


def checked(delimiter: str | None, decimal: str | None, thousands: str | None) -> DialectOptions:
    """Return what a user says, by names too: ``tab`` and ``space``.

    Raises
    ------
    ConfigurationError
        When it cannot be.
    """
    try:
        return DialectOptions(named(delimiter), decimal or None, named(thousands))  # type: ignore[arg-type]
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def named(text: str | None) -> str | None:
    """Return the character that a text is or names; None for no text."""
    return _NAMES.get(text, text) if text else None
