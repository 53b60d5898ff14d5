"""Text from outside as an attacker writes it, in every place that shows text; and endings that leave a terminal in disorder."""
