"""A stand-in for the Azure ML service, on loopback, for the unmodified Microsoft clients.

Clients reach it by ``HTTPS_PROXY`` and trust it by ``REQUESTS_CA_BUNDLE``; they use the service's
real host names. One process is the proxy and, behind it, every host: Entra ID, Resource Manager,
the workspace's API and the blob store. Requests and responses are werkzeug's.

What it answers, each package with what stands above it:

- ``keeping``: what it remembers, in files and in MLflow's server
- ``storage``: the blob store
- ``runs``: experiments, runs, metrics and artifacts
- ``assets``: data, code, environments, models and computes, as Resource Manager has them
- ``compute``: jobs and sweeps, which are processes here
- ``endpoints``: online endpoints, whose containers are processes here

How it is reached and run:

- ``identities``: the workspace's names, its hosts, and who may sign in; ``entra`` signs them in
- ``front``: the proxy; it ends TLS and hands each request to one function, ``service``
- ``messages``: JSON in and out, how each API words an error, and routes
- ``settings``: how it behaves; ``faults``: what goes wrong on demand; ``log``: what was asked
- ``instance``: a running emulator as its clients see it, with the variables that lead them there;
  ``environment`` those that would mislead them, ``jobs`` those of a job
- ``start``: all of it as one thing that is started; ``command`` what is run against it
- ``fixtures``: the same for tests with pytest
"""
