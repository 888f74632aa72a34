"""``python -m training``: the same command as ``mlproject train``."""

from mlproject.cli.main import main

if __name__ == "__main__":
    main("train")
