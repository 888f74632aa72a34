"""Experiments and runs: ``tracking`` hands them to MLflow's server, within ``limits``.

``history`` is the service's own API of runs, ``artifacts`` that of their files.
"""
