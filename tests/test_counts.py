"""Counts as people say them."""

from __future__ import annotations

import pytest

from mlproject.base.counting import counted


@pytest.mark.parametrize(
    ("number", "noun", "form", "text"),
    [
        (1, "row", "", "1 row"),
        (0, "row", "", "0 rows"),
        (1, "class", "", "1 class"),
        (3, "class", "", "3 classes"),
        (2, "probability", "", "2 probabilities"),
        (2, "held-out row", "", "2 held-out rows"),
        (20, "day", "", "20 days"),
        (12345, "value", ",", "12,345 values"),
    ],
)
def test_one_is_singular(number: int, noun: str, form: str, text: str) -> None:
    assert counted(number, noun, form) == text
