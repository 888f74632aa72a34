"""Azure Machine Learning: the workspace, and the three MLflow plugins under ``azureml3``.

Each package may import those above it, and nothing of MLflow or of Microsoft's before it is used:

- ``connection``      which workspace, who asks, and how it is asked
- ``stores``          what MLflow's plugins are made of
- ``plugins``         what the entry points name
- ``workspace_data``  what a workspace's data is called, and how it is read and written
- ``resources``       what jobs and endpoints are made of
"""
