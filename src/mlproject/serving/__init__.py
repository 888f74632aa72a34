"""A model behind HTTP: the scoring of files and frames, for rows that come in requests.

- ``options``     what a server is started with
- ``bodies``      the formats of requests: Azure ML's, MLflow's, and CSV
- ``plain``       rows of JSON that need no conversion, as the frame that the model is given
- ``answering``   from a body to predictions and rejects; what an endpoint's score script calls too
- ``current``     the model that answers now, replaced when its alias moves
- ``batching``    requests that have come together, asked together
- ``app``         the routes and their limits; ``openapi`` describes them
- ``server``      all of it as a process
"""
