"""The public API; ``import mlproject`` gives its names, each imported when it is first used."""
