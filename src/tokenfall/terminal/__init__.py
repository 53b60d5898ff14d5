"""The terminal: what it can do, and what leaves for it beside the screen's own drawing. Knows no widget."""
