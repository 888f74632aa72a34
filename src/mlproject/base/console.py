"""What a person sees: results on standard output, all else on standard error."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from mlproject.base.counting import counted
from mlproject.base.progress import Standing, shown_by
from mlproject.base.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

# What goes to a file or a log is not folded at 80 columns, and a table not at all.
_WIDTH_OF_FILES = 160
_WIDTH_OF_TABLES = 1 << 16
_SECONDS_BETWEEN_LINES = 10
_SECONDS_BETWEEN_MOVES = 0.2
_BAR_WIDTH = 20
# Between two columns of a table, and what a column has at least, with its gap.
_GAP, _LEAST_WIDTH = 2, 7


@contextmanager
def quiet_loggers(*names: str, level: int = logging.ERROR) -> Iterator[None]:
    """Have loggers pass nothing on below a level for the block, by default no warnings."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class ResultStream(Protocol):
    """Where a command's result goes, for people."""

    @property
    def width(self) -> int | None:
        """The columns of a terminal; None where it is no terminal."""

    def write(self, text: str) -> None: ...


class Reporter:
    """Prints progress and notices to standard error, unless ``quiet``, and results to ``out``.

    Warnings are printed all the same: they say that something was not done as asked. Without
    ``out``, as with ``--json`` and in Python, results are printed nowhere.
    """

    # Between two lines that say how far something long has come, where no bar can move.
    seconds_between_standings = 60.0

    def __init__(self, *, quiet: bool = False, out: ResultStream | None = None) -> None:
        self.quiet = quiet
        self._out = out
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """The rich console on standard error, made on first use."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False, soft_wrap=True)
            if not self._console.is_terminal:
                self._console.width = _WIDTH_OF_FILES
        return self._console

    def emit(self, text: str) -> None:
        """Print lines of a command's result."""
        if self._out is not None:
            self._out.write(visible(text.removesuffix("\n"), lines=True) + "\n")

    def say(self, text: str) -> None:
        if not self.quiet:
            self.console.print(visible(text, lines=True), markup=False)

    def warn(self, text: str) -> None:
        self.console.print(f"Warning: {visible(text, lines=True)}", markup=False, style="yellow")

    @property
    def shows_bars(self) -> bool:
        """Whether a bar can move: on a terminal, and in a notebook that has ipywidgets."""
        if self.console.is_jupyter:
            return not self.quiet and find_spec("ipywidgets") is not None
        return self.is_watched

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees what is shown while it changes: on a terminal or in a notebook."""
        return not self.quiet and (self.console.is_terminal or self.console.is_jupyter)

    @contextmanager
    def step(self, text: str, *, spinner: bool = True) -> Iterator[None]:
        """Show a spinner on a terminal while the block runs, and a line with its seconds after.

        Bytes that the block moves are shown beside the spinner; elsewhere in a line a minute.
        """
        started = time.perf_counter()
        if self.quiet:
            yield
            return
        turning = spinner and self.console.is_terminal
        with self._spinner(text) if turning else nullcontext(self._line(text)) as show:
            every = _SECONDS_BETWEEN_MOVES if turning else self.seconds_between_standings
            with shown_by(lambda transfer: _telling(show, every, transfer.standing)):
                yield
        self.say(f"{text} [{time.perf_counter() - started:.1f} s]")

    @contextmanager
    def watch(self, text: str, standing: Callable[[], Standing]) -> Iterator[None]:
        """Show how far a block is: a bar where it can move, elsewhere a line a minute.

        ``standing`` is asked now and then, in a thread of its own.
        """
        if self.quiet:
            yield
            return
        moves = self.shows_bars
        every = _SECONDS_BETWEEN_MOVES if moves else self.seconds_between_standings
        with (
            self._bar(text) if moves else nullcontext(self._line(text)) as show,
            _telling(show, every, standing),
        ):
            yield

    def _line(self, text: str) -> Callable[[Standing], None]:
        return lambda standing: self.say(f"{text}: {standing.text}")

    @contextmanager
    def _spinner(self, text: str) -> Iterator[Callable[[Standing], None]]:
        from rich.text import Text

        with self.console.status(Text(visible(text))) as status:
            yield lambda standing: status.update(Text(visible(f"{text}: {standing.text}")))

    @contextmanager
    def _bar(self, text: str) -> Iterator[Callable[[Standing], None]]:
        from rich import progress

        name = progress.TextColumn("{task.description}", markup=False)
        said = progress.TextColumn("{task.fields[said]}", markup=False)
        columns = (name, progress.BarColumn(_BAR_WIDTH), said)
        with progress.Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(visible(text), total=None, said="")
            yield lambda standing: bar.update(
                task, completed=standing.done, total=standing.total, said=visible(standing.text)
            )

    @contextmanager
    def progress(self, text: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show a bar with rows a second and the time left; yield what moves it on.

        Where standard error is no terminal, a line now and then. The yielded function takes how
        much of ``total`` has been done since, and how many rows that were.
        """
        started = time.perf_counter()
        told, rows, done = started, 0, 0

        def speed() -> str:
            return f"{rows / max(time.perf_counter() - started, 1e-9):,.0f} rows/s"

        if self.quiet or not self.console.is_terminal:

            def note(size: int, count: int) -> None:
                nonlocal told, rows, done
                rows, done = rows + count, done + size
                if time.perf_counter() - told > _SECONDS_BETWEEN_LINES:
                    told = time.perf_counter()
                    share = f", {done / total:.0%}" if total else ""
                    self.say(f"{text}: {counted(rows, 'row', ',')}{share}, {speed()}")

            yield note
            return
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[rows]:,} rows, {task.fields[speed]}"),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(visible(text), total=total or None, rows=0, speed="")

            def move(size: int, count: int) -> None:
                nonlocal rows
                rows += count
                bar.update(task, advance=size, rows=rows, speed=speed())

            yield move

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        whole: Collection[str] = (),
    ) -> None:
        """Print a command's result as a table.

        The cells of columns named ``whole`` are not folded, as far as the terminal has room.
        """
        if self._out is None:
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        width, text = self._out.width, io.StringIO()
        console = Console(
            file=text,
            width=width or _WIDTH_OF_TABLES,
            force_terminal=width is not None and os.name == "posix",
            highlight=False,
        )
        console.print(visible(title), style="bold", markup=False, soft_wrap=True)
        table = Table(show_header=any(columns), box=None, pad_edge=False)
        taken = sum(
            _GAP + max(len(row[place]) for row in [columns, *rows])
            for place, column in enumerate(columns)
            if column in whole
        )
        fits = taken + (len(columns) - len(whole)) * _LEAST_WIDTH <= console.width
        for column in columns:
            table.add_column(
                Text(visible(column)), overflow="fold", no_wrap=fits and column in whole
            )
        for row in rows:
            table.add_row(*(Text(visible(cell)) for cell in row))
        console.print(table)
        # Without the padding on the right.
        lines = [line.rstrip() for line in text.getvalue().split("\n")]
        self._out.write("\n".join(lines))


@contextmanager
def _telling(
    show: Callable[[Standing], None], every: float, standing: Callable[[], Standing]
) -> Iterator[None]:
    """Show a standing every so many seconds, in a thread of its own."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(every):
            show(standing())

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
