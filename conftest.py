"""The fixtures of the emulator, as a user's own tests take them."""

pytest_plugins = ["mlproject.emulator.fixtures"]
