"""Registered models: their versions, the gate before an alias, and the record of its moves.

The gate's arithmetic is plain functions over arrays, each module knowing only those to its left::

    sums <- orders <- metrics <- rows <- comparison, slices <- verdict        rules <- verdict

``versions``, ``ledger`` and ``promotion`` know the server and nothing of that arithmetic. What
joins the two stands outside of both. No module here imports ``training`` or ``inference``.
"""
