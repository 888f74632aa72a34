"""However text is cut and wherever it is looked through: the rows and lines of one reader."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.planning import _text_ranges
from mlproject.data.formats import lines, quotes
from mlproject.data.formats.data_file import WHOLE, Range
from mlproject.data.formats.lines import pieces
from mlproject.data.formats.quotes import BYTE_ORDER_MARK, glance
from mlproject.data.source import SourceFile

HEADERS = st.sampled_from([b"a,b\n", b"a;b\r\n", b'"a\nb",c\n', BYTE_ORDER_MARK + b'"a\n"\n'])
TOKENS = st.sampled_from(
    [
        b"a",
        b",",
        b";",
        b'"',
        b'""',
        b'"',
        b"\n",
        b"\n",
        b"\r\n",
        b'5" pipe',
        b',"',
        b'",',
        "é".encode(),
    ]
)
BODIES = st.lists(TOKENS, max_size=60).map(b"".join)
DELIMITERS = st.sampled_from([",", ";", None])


def starts_of(data: bytes, delimiter: str | None) -> dict[int, int]:
    """Return where rows begin and their lines, byte by byte as one reader goes."""
    quoted = after_mark = False
    value_begins, line = True, 1
    begin = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
    starts = {0: 1}
    for place in range(begin, len(data)):
        byte = data[place : place + 1]
        line += byte == b"\n"
        if after_mark:
            after_mark = False
            if byte == b'"':
                continue
            quoted = False
        if quoted:
            after_mark = byte == b'"'
            continue
        if byte == b"\n":
            starts[place + 1] = line
        quoted = byte == b'"' and value_begins and delimiter is not None
        value_begins = byte == b"\n" or byte == (delimiter or ",").encode()
    return starts


def rows_of(
    item: SourceFile, delimiter: str | None, ranges: list[Range]
) -> list[tuple[bytes, int]]:
    found = [piece.rows() for rows in ranges for piece in pieces(item, delimiter, rows)]
    return [(rows[row], int(rows.lines[row])) for rows in found for row in range(len(rows))]


@pytest.fixture
def small_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(quotes, "_BLOCK_BYTES", 5)
    monkeypatch.setattr(lines, "_PIECE_BYTES", 16)
    return


def check(path: Path, data: bytes, delimiter: str | None, cuts: set[int]) -> None:
    path.write_bytes(data)
    item = SourceFile(str(path), path.name, "csv", compressed=False)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    bounds = list(itertools.pairwise(edges))
    glances = [(start, stop, glance(item, delimiter, start, stop)) for start, stop in bounds]
    ranges = [rows for rows, _ in _text_ranges(glances)]

    starts = starts_of(data, delimiter)
    assert {rows.start: rows.line for rows in ranges}.items() <= starts.items()
    assert [rows.stop for rows in ranges[:-1]] == [rows.start for rows in ranges[1:]]
    # As many parts as can be: a range in which a row begins begins a part.
    assert len(ranges) == 1 + len(
        {min((s for s in starts if s > start), default=len(data)) for start in edges[1:]}
        - {len(data)}
    )
    assert rows_of(item, delimiter, ranges) == rows_of(item, delimiter, [WHOLE])


often = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@settings(often, max_examples=400)
@given(HEADERS, BODIES, DELIMITERS, st.sets(st.integers(0, 200), max_size=8))
def test_ranges_have_the_rows_and_lines_of_the_whole(
    tmp_path: Path,
    small_reads: None,
    header: bytes,
    body: bytes,
    delimiter: str | None,
    cuts: set[int],
) -> None:
    check(tmp_path / "any.csv", header + body, delimiter, cuts)


@pytest.mark.nightly
@settings(often, max_examples=20_000, derandomize=False)
@given(HEADERS, BODIES, DELIMITERS, st.sets(st.integers(0, 200), max_size=8))
def test_many_ranges_have_the_rows_and_lines_of_the_whole(
    tmp_path: Path,
    small_reads: None,
    header: bytes,
    body: bytes,
    delimiter: str | None,
    cuts: set[int],
) -> None:
    check(tmp_path / "any.csv", header + body, delimiter, cuts)
