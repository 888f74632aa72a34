"""Whether a challenger may take the champion's place, on the same rows and by the same rules.

The arithmetic is plain functions over arrays, each module knowing only those to its left::

    fast <- metrics <- pairs <- slices <- comparison <- verdict

``evidence`` gives the rows, ``judging`` joins them with the models and the rules, and ``promotion``
moves the alias.
"""
