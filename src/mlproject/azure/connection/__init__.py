"""Which workspace, who asks, and how it is asked. Each module may import those above it.

- ``uris``         URIs of workspaces and artifacts, links to the Studio
- ``workspace``    config.json, or the environment of a job
- ``failures``     errors, and what is tried again after them
- ``credentials``  one azure-identity credential, its tokens kept and renewed; a job's own token
- ``context``      a workspace with its cloud and its credential
- ``calls``        requests: a refused token is renewed once, a lost answer creates nothing twice
- ``arm``          Resource Manager: what a workspace has
- ``discovery``    the tracking URI of a workspace, from its three names
- ``blobs``        the content of one artifact, up and down
- ``files``        which artifacts a run or an upload has, as the service stores them
"""
