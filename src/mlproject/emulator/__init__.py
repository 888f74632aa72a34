"""A stand-in for the Azure ML service, on loopback, for the unmodified Microsoft clients.

Clients reach it by ``HTTPS_PROXY`` and trust it by ``REQUESTS_CA_BUNDLE``; they use the service's
real host names. One process is the proxy and, behind it, every host: Entra ID, Resource Manager,
the workspace's API and the blob store. Requests and responses are werkzeug's.

- ``identities``: the workspace's names, its hosts, and who may sign in
- ``state``: what one emulator knows; ``signing`` its tokens and URLs, ``records`` its artifacts,
  ``resource_store`` its other resources, ``lines`` the files of all these and the log
- ``front``: the proxy; it ends TLS and hands each request to one function
- ``messages``: JSON in and out, how each API words an error, and routes
- ``entra``, ``management``, ``tracking``, ``artifacts``, ``history``, ``blobs``: what each service
  answers
- ``command_jobs``, ``codes``, ``environments``: jobs, and what they need; ``job_runner`` the
  processes that they are, ``job_runs`` their runs, ``job_outputs`` what they write into datastores;
  ``sweeps`` jobs of many trials, ``sampling`` what these try; ``versioned`` assets that do not
  change
- ``computes``, ``datastores``, ``data_assets``: what Resource Manager knows of the workspace, each
  as one of its ``resources``; ``v1_datasets`` what only the dataset service knows
- ``containers``: lists of blobs; ``stored`` one blob on disk; ``storage_access`` who may do what
  with it, ``shared_key`` by the account's key
- ``ids``, ``limits``: where the service differs from MLflow's server, which ``store`` runs as a
  process of its own, ``server``
- ``service``: which of them answers
- ``settings``: how it behaves; ``faults``: what goes wrong on demand; ``log``: what was asked
- ``instance``: a running emulator as its clients see it, with the variables that lead them there;
  ``environment`` those that would mislead them, ``jobs`` those of a job
- ``start``: all of it as one thing that is started; ``command`` what is run against it
- ``fixtures``: the same for tests with pytest
"""
