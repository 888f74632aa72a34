"""Track, register and batch-score scikit-learn models with MLflow.

The toolkit that ``training`` and ``inference`` stand on: tracking targets, data, the command line.
"""

__version__ = "0.1.0"
