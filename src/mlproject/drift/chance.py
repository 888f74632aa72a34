"""Whether a column changed by more than chance: the p-values of tests that nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from mlproject.drift.columns import CATEGORIES, Column, Ints

# Below so many expected rows, chi-squared is no good approximation (Cochran, 1954).
_FEWEST_EXPECTED = 5
# Up to so many rows on either side, the exact distribution is quick.
_MOST_EXACT = 2000


def of_column(column: Column, now: Ints) -> float:
    """Return the p-value of a column's counts in the rows that are scored."""
    before = column.trained
    if column.kind != CATEGORIES:
        return kolmogorov_smirnov(before, now)  # missing comes first: it stands below all numbers
    found = [chi_squared(before, now), of_share(before[0], before.sum(), now[0], now.sum())]
    if column.knows_all:
        found.append(of_unseen(before[1:], now[1:]))
    return min(1.0, len(found) * min(found))  # Bonferroni's correction


def kolmogorov_smirnov(before: Ints, now: Ints) -> float:
    """Return the p-value of two rows of counts in ordered bins.

    The distance of two distributions is the greatest at any point, and here it is known at the cuts
    only. So it is at most the true one, and the p-value at least: the test is on the safe side
    (Noether, Note on the Kolmogorov statistic in the discrete case, Metrika 7, 1963).
    """
    from scipy.stats import ks_2samp, kstwo

    n, m = int(before.sum()), int(now.sum())
    if not n or not m:
        return 1.0
    if max(n, m) <= _MOST_EXACT:
        bins = np.arange(len(before))
        return float(ks_2samp(np.repeat(bins, before), np.repeat(bins, now), method="exact").pvalue)
    distance = float(np.abs(np.cumsum(before) / n - np.cumsum(now) / m).max())
    # As scipy.stats.ks_2samp has it for many rows; and no order of the rows is rarer than this.
    few = min(n, m)
    least = 2 / comb(n + m, few) if few <= _FEWEST_EXPECTED else 0.0
    return float(np.clip(kstwo.sf(distance, max(1, round(n * m / (n + m)))), least, 1))


def chi_squared(before: Ints, now: Ints) -> float:
    """Return the p-value of two rows of counts of the same categories, the last of them the others.

    Pearson's test of homogeneity. Rare categories are put together with the others: those are rare
    too, one by one, and as a category of their own they would differ by chance alone, because what
    no training row has is none of the known ones.
    """
    from scipy.stats import chi2_contingency

    table = np.stack([before, now])
    sums, total = table.sum(axis=1), table.sum()
    if not sums.all():
        return 1.0
    rare = table.sum(axis=0) * sums.min() / total < _FEWEST_EXPECTED
    rare[-1] = True
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    return float(chi2_contingency(table, correction=False).pvalue)


def of_share(before: int, rows_before: int, now: int, rows_now: int) -> float:
    """Return the p-value of two shares, such as of missing values: Fisher's exact test."""
    from scipy.stats import hypergeom

    total, both = int(rows_before + rows_now), int(before + now)
    known = (total, both, int(rows_now))
    fewer, more = hypergeom.cdf(now, *known), hypergeom.sf(now - 1, *known)
    return float(min(1.0, 2 * min(fewer, more)))


def of_unseen(before: Ints, now: Ints) -> float:
    """Return the p-value of how many rows have a value that no training row has.

    Some always do where values are many. How many is known from training: each of its rows whose
    value no other row has would have had an unseen one, had it come later (Good, The population
    frequencies of species and the estimation of population parameters, Biometrika 40, 1953). One
    row more is taken, and no more rows are scored than were trained on, as this share is itself
    known from those alone.

    Parameters
    ----------
    before, now : array of shape (n_values + 1,)
        Rows of each value, and of others.
    """
    from scipy.stats import hypergeom

    n, m, new = int(before.sum()), int(now.sum()), int(now[-1])
    if not n or not m:
        return 1.0
    if m > n:
        new, m = new * n // m, n
    alone = min(n, int((before == 1).sum()) + 1)
    return float(hypergeom.sf(new - 1, n + m, alone + new, m))


def holm(chances: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6(2), 1979.
    """
    corrected, most = [0.0] * len(chances), 0.0
    for rank, place in enumerate(np.argsort(chances, kind="stable").tolist()):
        most = max(most, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = most
    return corrected
