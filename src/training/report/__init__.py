"""What a run shows of itself: plots, advice, a page of its own and a model card.

``held_out``, ``search`` and ``importance`` draw what a fit has found; ``profile`` and ``advice``
say in words what the data and the model are like. ``facts`` gathers all of it from a plan and its
outcome, ``page`` writes it down, and ``files`` are what a run keeps. Nothing of it may fail a
training.
"""
