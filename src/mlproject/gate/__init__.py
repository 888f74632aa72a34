"""Whether a challenger may take the champion's place, on the same rows and by the same rules.

What is asked, and of whom, each module knowing only those to its left::

    request <- contenders <- evidence <- seen, outputs

The arithmetic is plain functions over arrays (:mod:`training.resampling`: units, blocks, ends,
intervals)::

    slices <- comparison <- verdict <- conclusion            rules, attempts

``judging`` joins the two, ``promotion`` moves the alias, and ``entry`` is the way in. The record of
every attempt is :mod:`mlproject.registry.ledger`.
"""
