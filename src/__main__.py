"""``python src COMMAND``: the command line from a bare checkout, as MLproject calls it.

Python puts this folder on ``sys.path`` by itself, so an environment that holds the third-party
packages only is enough.
"""

from mlproject.cli.main import main

if __name__ == "__main__":
    main()
