"""A registered model behind an online endpoint of an Azure ML workspace.

- ``options``      what a deployment is asked for with, and what comes back
- ``package``      what goes into its container: the score script, the model, the environment
- ``score``        the score script
- ``preflight``    the container's work, done here before anything is made
- ``environments`` the model's own environment, made here
- ``asking``       what the score script is asked here, in a process of its own
- ``no_code``      the same without a script, for the service's own
- ``deploying``    blue and green: a new deployment, a call, the traffic; and back again
"""
