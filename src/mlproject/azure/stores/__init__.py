"""What MLflow's plugins are made of. Each module may import those above it.

- ``bookkeeping``     tags that users do not see
- ``validation``, ``lacking``, ``searches``  what MLflow's own stores refuse, have more, and find
- ``order``           names that sort by when they were written
- ``points``          values of metrics in notes
- ``memory``          what this process knows, listed or not
- ``versions``        artifacts under the paths that programs gave, though nothing is overwritten
- ``journal``         notes beside the artifacts, which are only added
- ``overflow``, ``rejected_batches``  what the service rejected of a run, kept in notes
- ``long_tags``, ``experiments``, ``aliases``  what the service has not, or not so long
- ``model_records``, ``logged_models``  MLflow 3's logged models, in a tag and notes
- ``tracking_store``
- ``sources``         the files of a new model version
- ``registry_store``
- ``artifacts``       the artifact repository
"""
