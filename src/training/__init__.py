"""Recipe to pipeline to search to evaluation to run.

``training.train.train`` is the way in from Python; ``python -m training`` from a shell.
"""
