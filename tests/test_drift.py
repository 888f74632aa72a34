"""Has data changed? Profiles, counts that add up, and a verdict that chance does not sway."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlproject.base.errors import ModelError
from mlproject.drift import bars, chance, columns, compare, page, profile
from mlproject.drift.compare import Change, Drift
from mlproject.drift.counts import Counts
from mlproject.drift.page import Scored
from mlproject.drift.profile import Profile
from tests.profiles import profile_of

NOTHING = pa.table({})
SCORED = Scored("runs:/1/best_estimator", None, "new.csv", "out.csv", 10, 10, [], {})


def rows(size: int, rng: np.random.Generator, shift: float = 0.0) -> pd.DataFrame:
    """Return rows as they come: skewed, discrete, with gaps, of many and of rare categories."""
    return pd.DataFrame(
        {
            "normal": rng.normal(shift, 1, size),
            "skewed": rng.exponential(1, size),
            "few": rng.integers(0, 5, size).astype(float),
            "gaps": np.where(rng.random(size) < 0.1, np.nan, rng.normal(size=size)),
            "letters": rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size),
            "rare": rng.choice(["x", "y"], size, p=[0.97, 0.03]),
            "names": [f"name {number}" for number in rng.integers(0, 2000, size)],
        }
    )


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def drift(known: Profile, frame: pd.DataFrame) -> Drift:
    return compare.compared(known, Counts.of_rows(known, table(frame), NOTHING))


def change(before: pd.Series, now: pd.Series) -> Change:
    known = profile_of(before.to_frame("x"))
    (found,) = drift(known, now.to_frame("x").astype(before.dtype)).features
    return found


@pytest.mark.parametrize(("trained", "scored"), [(50, 50), (500, 500), (5000, 5000), (50, 5000)])
def test_what_has_not_changed_does_not_exceed_a_fifth_by_chance(trained: int, scored: int) -> None:
    rng = np.random.default_rng(trained)
    times, said = 60, 0
    for _ in range(times):
        found = drift(profile_of(rows(trained, rng)), rows(scored, rng))
        said += any(item.psi > 0.2 for item in found.differing)

    assert said <= 2  # at most one in a hundred, of all columns together; and chance in that


def test_the_index_alone_would_cry_wolf_over_few_rows() -> None:
    rng = np.random.default_rng(0)
    found = [drift(profile_of(rows(50, rng)), rows(50, rng)) for _ in range(20)]

    assert all(max(item.psi for item in one.features) > 0.2 for one in found)


@pytest.mark.parametrize(("trained", "scored"), [(200, 200), (5000, 200)])
def test_a_shift_of_one_standard_deviation_is_found_in_two_hundred_rows(
    trained: int, scored: int
) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        found = drift(profile_of(rows(trained, rng)), rows(scored, rng, shift=1.0))
        assert [(item.column.name, item.psi > 0.2) for item in found.differing] == [
            ("normal", True)
        ]


def test_the_index_is_what_its_formula_says() -> None:
    before, now = np.array([0, 400, 600]), np.array([0, 600, 400])
    p, q = np.array([400.5, 600.5]) / 1001, np.array([600.5, 400.5]) / 1001

    assert compare.psi(before, now) == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert compare.psi(before, now) == pytest.approx(0.2 * np.log(1.5) * 2, rel=0.01)
    assert compare.psi(before, before) == 0
    assert compare.psi(before, np.zeros(3, int)) == 0


def test_the_test_of_numbers_is_never_bolder_than_that_of_the_rows_themselves() -> None:
    rng = np.random.default_rng(2)
    for shift in (0.0, 0.2, 0.5):
        x, y = rng.normal(size=300), rng.normal(shift, 1, 200)
        column = columns.of_values("x", pa.array(x), columns.NUMBERS)
        binned = chance.kolmogorov_smirnov(column.trained, column.counted(pa.array(y)))

        assert binned >= stats.ks_2samp(x, y, method="exact").pvalue * (1 - 1e-9)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ([f"customer {n % 150}" for n in range(600)], [f"new {n}" for n in range(3000)]),
        (["a", "b", "c"] * 200, ["zz"] * 14),
        (["a", "b", "c"] * 200, [None] * 14),
        ([f"shop {n % 12}" for n in range(60)], ["elsewhere"] * 1000),
    ],
    ids=["rare ones", "few rows", "missing", "few trained rows"],
)
def test_values_of_which_none_was_trained_on_are_a_change(
    before: list[str], now: list[str | None]
) -> None:
    assert change(pd.Series(before), pd.Series(now, dtype=object)).differs


@pytest.mark.parametrize(("many", "trained", "scored"), [(20, 30, 5000), (150, 300, 5000)])
def test_values_that_are_new_because_they_are_many_are_seldom_a_change(
    many: int, trained: int, scored: int
) -> None:
    rng = np.random.default_rng(many)
    drawn = [
        [pd.Series(rng.integers(0, many, size)).astype(str) for size in (trained, scored)]
        for _ in range(100)
    ]

    assert sum(change(*pair).differs for pair in drawn) <= 4


@pytest.mark.parametrize("trained", [30, 100, 1000])
def test_a_row_alone_is_seldom_a_change(trained: int) -> None:
    rng = np.random.default_rng(trained)
    said = [drift(profile_of(rows(trained, rng)), rows(1, rng)).differing for _ in range(60)]

    assert sum(any(item.psi > 0.2 for item in found) for found in said) <= 2


def test_the_correction_is_that_of_holm() -> None:
    assert chance.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert chance.holm([]) == []


def test_dates_are_shown_and_not_judged() -> None:
    before = pd.Series(pd.date_range("2020-01-01", periods=500))
    found = change(before, before + pd.Timedelta(days=600))

    assert found.psi > 1
    assert not found.differs
    assert "2020-01-01" in bars.of(found)[0].label
    assert bars.of(found)[-1].label == "above 2021-05-14"


def test_a_constant_that_changes_is_found_on_either_side() -> None:
    before = pd.Series(np.full(300, 5.0))

    assert not change(before, before).differs
    for other in (4.0, 6.0):
        found = change(before, pd.Series(np.full(300, other)))
        assert found.differs
        assert found.new == 1


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinity_is_outside_of_what_was_trained_on(infinity: float) -> None:
    found = change(pd.Series(np.arange(300.0)), pd.Series(np.full(300, infinity)))

    assert found.differs
    assert found.new == 1


def test_all_missing_before_or_now_is_a_change() -> None:
    known, gone = pd.Series(np.arange(300.0)), pd.Series(np.full(300, np.nan))

    assert change(known, gone).missing == (0, 1)
    assert change(known, gone).differs
    assert change(gone, known).differs
    assert not change(gone, gone).differs


def test_values_that_no_training_row_has_are_counted_and_named() -> None:
    before = pd.Series(["Rome", "Oslo"] * 100)
    found = change(before, pd.Series(["Lima"] * 90 + ["Quito"] * 10))

    assert found.new == 1
    assert found.unseen == {"Lima": 90, "Quito": 10}
    assert found.differs


def test_of_very_many_values_only_those_are_kept_that_many_rows_have() -> None:
    names = pd.Series([f"name {number}" for number in range(900)] + ["nobody"] * 100)
    found = change(names, names)

    assert found.column.values == ("nobody",)
    assert found.new is None  # the others may be known, or not


def test_truth_values_are_categories() -> None:
    found = change(pd.Series([True, False] * 100), pd.Series([True] * 200))

    assert found.column.values == ("false", "true")
    assert found.differs


def test_whole_numbers_of_training_are_compared_with_numbers_that_have_a_point() -> None:
    known = profile_of(pd.DataFrame({"x": np.arange(5).repeat(50)}))
    same = drift(known, pd.DataFrame({"x": np.arange(5.0).repeat(40)}))

    assert same.features[0].psi == pytest.approx(0)
    assert [bar.label for bar in bars.of(same.features[0])] == list("01234")


def test_no_rows_are_no_change() -> None:
    known = profile_of(pd.DataFrame({"x": np.arange(5.0)}), [1.0, 2.0])

    found = compare.compared(known, Counts.none(known))
    assert found.summary == {"rows": 0, "psi": 0.0, "column": None, "differing": []}
    assert "No row could be compared" in page.report(SCORED, found)


VALUES = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, -0.0, 1e308, -1e308]))
TEXTS = st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["a", "b", "NA"]))
ROWS = st.lists(st.tuples(VALUES, TEXTS), max_size=40)


def columns_of(pairs: list[tuple[float | None, str | None]]) -> pa.Table:
    numbers, texts = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return pa.table({"x": pa.array(numbers, pa.float64()), "t": pa.array(texts, pa.string())})


@settings(max_examples=150, deadline=None)
@given(
    trained=ROWS.filter(bool),
    scored=ROWS,
    cuts=st.lists(st.integers(0, 40), max_size=4),
    seed=st.integers(),
)
def test_counts_are_the_same_however_rows_are_put_into_parts(
    trained: list[tuple[float | None, str | None]],
    scored: list[tuple[float | None, str | None]],
    cuts: list[int],
    seed: int,
) -> None:
    known = Profile(
        rows=len(trained),
        features=profile.of_features(columns_of(trained)),
        predicted="training rows",
    )
    whole = Counts.of_rows(known, columns_of(scored), NOTHING)
    ends = [0, *sorted(cuts), len(scored)]
    parts = [
        Counts.of_rows(known, columns_of(scored[first:last]), NOTHING)
        for first, last in pairwise(ends)
    ]
    np.random.default_rng(abs(seed)).shuffle(parts)  # as workers finish
    total = Counts.none(known)
    for part in parts:
        total += Counts.of(part.content)  # as a part is written down

    assert total.content == whole.content
    assert all(counts.sum() == len(scored) for counts in whole.features)
    assert all(sum(column.counts) == len(trained) for column in known.features)
    assert profile.parsed(known.dumped().encode(), _types(known), "m") == known


def _types(known: Profile) -> list[tuple[str, pa.DataType]]:
    kinds = {columns.NUMBERS: pa.float64(), columns.CATEGORIES: pa.string()}
    return [(column.name, kinds[column.kind]) for column in known.features]


def test_the_unseen_values_that_are_kept_do_not_depend_on_the_parts() -> None:
    known = profile_of(pd.DataFrame({"x": ["known"] * 10}))
    new = pd.DataFrame({"x": [f"{number:03d}" for number in range(300)] * 2})
    whole = Counts.of_rows(known, table(new), NOTHING)
    parts = [Counts.of_rows(known, table(new[start::7]), NOTHING) for start in range(7)]
    total = Counts.none(known)
    for part in reversed(parts):
        total += part

    assert total.content == whole.content
    assert whole.unseen[0]["000"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"rows": 1}',
        '{"rows":3,"features":[],"predicted":"training rows"}',
        '{"rows":3,"features":[{"name":"x","kind":"numbers","cuts":[2,1],"counts":[0,1,1,1]}],'
        '"predicted":"training rows"}',
        '{"rows":3,"features":[{"name":"x","kind":"numbers","cuts":[1],"counts":[0,1]}],'
        '"predicted":"training rows"}',
        '{"rows":3,"features":[{"name":"x","kind":"numbers","counts":[0,-1]}],'
        '"predicted":"training rows"}',
        '{"rows":3,"features":[{"name":"x","kind":"categories","values":["a","a"],'
        '"counts":[0,1,1,0]}],"predicted":"training rows"}',
        '{"rows":3,"features":[{"name":"x","kind":"numbers","counts":[99,3]}],'
        '"predicted":"training rows"}',
        '{"rows":0,"features":[{"name":"x","kind":"numbers","counts":[0,0]}],'
        '"predicted":"training rows"}',
        '{"rows":3,"features":[{"name":"y","kind":"numbers","counts":[0,3]}],'
        '"predicted":"training rows"}',
    ],
)
def test_a_damaged_profile_is_one_line(text: str) -> None:
    message = r"The profile of the model m \(extra_files/profile.json\) is damaged: \w.+\. Download"
    with pytest.raises(ModelError, match=message):
        profile.parsed(text.encode(), [("x", pa.float64())], "m")


def test_hostile_names_are_text_on_the_page() -> None:
    hostile = "<script>alert(1)</script>"
    before = pd.DataFrame({hostile: ["a", hostile] * 50})
    found = drift(profile_of(before), pd.DataFrame({hostile: [f"{hostile}!"] * 90 + ["a"] * 10}))
    scored = Scored(hostile, hostile, hostile, hostile, 10, 10, [], {hostile: 1.0})
    made = page.report(scored, found)

    assert hostile not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;!</code> (90 rows)" in made


def test_a_value_of_a_few_rows_is_not_named_on_the_page() -> None:
    before = pd.DataFrame({"who": ["a", "b"] * 50})
    found = drift(profile_of(before), pd.DataFrame({"who": ["Ann Smith"] * 4 + ["c"] * 96}))

    made = page.report(SCORED, found)
    assert "Ann Smith" not in made
    assert "<code>c</code> (96 rows)" in made
