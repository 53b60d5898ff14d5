"""The verbs of the command line, without the screen."""
