"""The command line. Commands are thin: parse, call one function, print."""
