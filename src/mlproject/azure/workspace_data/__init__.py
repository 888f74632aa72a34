"""A workspace's data: what it is called, and how it is read. Each module may import those above it.

- ``data_uris``    every way to write where data is: assets, datastores, storage accounts
- ``datastores``, ``data_assets``  what Resource Manager knows of a workspace's data
- ``v1_datasets``  data sets of version 1, by their definitions
- ``storage``      a container of a storage account, and what opens it
- ``data_sources`` where the data is that a source names, in the workspace in force
- ``blob_files``   the same as a file system of fsspec
"""
