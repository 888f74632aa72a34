"""How far a search has come, where somebody sees it: scikit-learn's own bar of fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlproject.base.console import Reporter
from training.plan import Plan


@contextmanager
def shown(plan: Plan, reporter: Reporter) -> Iterator[None]:
    """Show the step of fitting, with a bar of the fits where it can move.

    The bar needs scikit-learn 1.9, and a search without callbacks of the user's own.
    """
    search, text = plan.search, f"Fitting {plan.name}: {plan.described}"
    free = hasattr(search, "set_callbacks") and not getattr(search, "_skl_callbacks", None)
    if not (reporter.shows_bars and plan.searches and free):
        with reporter.step(text):
            yield
        return
    from sklearn.callback import ProgressBar

    search.set_callbacks(ProgressBar(max_propagation_depth=0))
    try:
        with reporter.step(text, spinner=False):
            yield
    finally:
        search.set_callbacks()
