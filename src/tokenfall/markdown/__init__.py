"""Markdown to lines, incrementally."""
