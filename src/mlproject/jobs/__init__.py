"""Jobs: a command of this project, run on a cluster of an Azure ML workspace.

- ``options``     what is asked of a job; ``result`` what comes back
- ``code``        the files that it starts in: what git tracks, and this project's packages
- ``words``       the command line that runs inside, made of a request
- ``submission``  all of it as one request to the service
- ``job_file``    the same as a file that ``az ml job create`` takes
- ``following``   a job's status and log until its end
"""
