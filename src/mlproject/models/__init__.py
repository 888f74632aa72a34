"""One way to open a model: find it, download it, decide whether it may be loaded, load it."""
