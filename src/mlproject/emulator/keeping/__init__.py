"""What an emulator remembers. Each module may import those above it.

- ``ids``, ``lines``   names as the service writes them; files of one JSON object a line
- ``signing``          its tokens and URLs
- ``records``          artifacts; ``resources`` and ``resource_store`` what Resource Manager keeps
- ``state``            all of that as one
- ``operations``       what takes the service a while
- ``server``, ``store``  MLflow's server, and the process that it runs in
"""
