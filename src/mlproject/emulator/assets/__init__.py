"""What Resource Manager knows of the workspace, which ``management`` is asked for.

``versioned`` assets do not change once they are made: ``codes``, ``data_assets``,
``environments``, ``models``. ``datastores`` and ``computes`` are there from the start;
``v1_datasets`` only the dataset service knows.
"""
