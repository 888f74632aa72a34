"""Online endpoints: ``online_endpoints`` makes them, ``scoring`` sends requests on.

``container_runner`` runs a deployment as a process: ``inference_server`` with its script, or with
``no_code`` for a model alone.
"""
