"""Jobs: a command of this project, run on a cluster of an Azure ML workspace.

- ``options``     what is asked of a job; ``result`` what comes back
- ``code``        the files that it starts in: what git tracks, and this project's packages
- ``words``       the command line that runs inside, made of a request; ``assets`` finds its data
- ``sweeps``      the candidates of a search, each as a job of its own
- ``properties``  all of it as the service words it; ``submission`` sends it
- ``job_file``    the same as a file that ``az ml job create`` takes
- ``following``   a job's status and log until its end; ``waiting`` why it has not begun
- ``existing``    jobs that were submitted before
- ``local``       the same job as a process here; ``process`` what that is
- ``containers``  the environment of jobs as a Dockerfile
"""
