"""A chat with language models for the terminal."""

__version__ = "0.1.0"
