"""Azure Machine Learning: the workspace, and the three MLflow plugins under ``azureml3``.

Each module may import those above it, and nothing of MLflow or of Microsoft's before it is used:

- ``uris``          URIs of workspaces and artifacts, links to the Studio
- ``workspace``     config.json, or the environment of a job
- ``credentials``   one azure-identity credential, its tokens kept and renewed; a job's own token
- ``context``       a workspace with its cloud and its credential
- ``failures``      errors, and what is tried again after them
- ``calls``         requests: a refused token is renewed once, a lost answer creates nothing twice
- ``arm``           Resource Manager: what a workspace has
- ``data_uris``     every way to write where data is: assets, datastores, storage accounts
- ``datastores``, ``data_assets``  what Resource Manager knows of a workspace's data
- ``data_sources``  where the data is that a source names, in the workspace in force
- ``discovery``     the tracking URI of a workspace, from its three names
- ``v1_datasets``   data sets of version 1, by their definitions
- ``computes``      clusters, and how busy they are
- ``environments``, ``codes``, ``jobs``  what a job runs in, what it runs, and how it gets on
- ``bookkeeping``   tags that users do not see
- ``blobs``         the content of one artifact, up and down
- ``storage``       a container of a storage account, and what opens it
- ``blob_files``    the same as a file system of fsspec
- ``files``         which artifacts a run or an upload has, as the service stores them
- ``order``         names that sort by when they were written
- ``versions``      artifacts under the paths that programs gave, though nothing is overwritten
- ``journal``       notes beside the artifacts, which are only added
- ``overflow``, ``rejected_batches``  what the service rejected of a run, kept in notes
- ``model_records``, ``logged_models``  MLflow 3's logged models, in a tag and notes
- ``tracking_store``
- ``builds``        the builds of images, which are runs
- ``sources``       the files of a new model version
- ``registry_store``
- ``artifacts``     the artifact repository
- ``plugins``       what the entry points name
"""
