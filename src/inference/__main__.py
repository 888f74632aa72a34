"""``python -m inference``: the same command as ``mlproject score``."""

from mlproject.cli.main import main

if __name__ == "__main__":
    main("score")
