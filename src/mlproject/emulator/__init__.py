"""A stand-in for the Azure ML service, on loopback, for the unmodified Microsoft clients.

Clients reach it by ``HTTPS_PROXY`` and trust it by ``REQUESTS_CA_BUNDLE``; they use the service's
real host names. One process is the proxy and, behind it, every host: Entra ID, Resource Manager,
the workspace's API and the blob store.

- ``state``: the workspace's names, its folder, and what is kept there
- ``certificates``: the authority that clients trust, made anew for each folder
- ``front``: the proxy; it ends TLS and hands each request to one function
- ``messages``: a request and an answer
- ``entra``, ``management``, ``tracking``, ``artifacts``, ``blobs``: one host's routes each
- ``service``: which of them answers
- ``faults``: what goes wrong on demand, and the log of requests
- ``running``: all of it as one thing that is started, and found again
"""
