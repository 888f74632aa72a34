"""Jobs: ``command_jobs`` takes them, ``job_runner`` runs each as a process.

``job_runs`` are their runs, ``job_outputs`` what they write into datastores; ``sweeps`` are jobs of
many trials, ``sampling`` is what these try.
"""
