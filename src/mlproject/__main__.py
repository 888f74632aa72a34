"""``python -m mlproject``, and the console script ``mlproject``."""

from mlproject.cli.main import main

if __name__ == "__main__":
    main()
