"""The terminal's echo. Whatever it echoes while a program draws with relative moves shifts what the program has drawn."""

import os
import termios
from contextlib import suppress

_LFLAG = 3
"""Where `tcgetattr` has the local modes."""


def in_foreground(terminal: int) -> bool:
    """Whether it is our turn to draw. A terminal that doesn't control us has no jobs of ours that could take turns."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True


class Silence:
    """Until it is broken the terminal echoes nothing, and an interrupt key throws nothing away that has been written: half a
    sequence would be left. Nothing happens to a terminal that another job has, or that isn't the one that controls us."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._before: list[int | list[bytes | int]] | None = None

    def keep(self) -> None:
        with suppress(OSError, termios.error):
            if self._before is None and os.tcgetpgrp(self._terminal) == os.getpgrp():
                modes = termios.tcgetattr(self._terminal)
                self._before = list(modes)
                modes[_LFLAG] = modes[_LFLAG] & ~termios.ECHO | termios.NOFLSH
                termios.tcsetattr(self._terminal, termios.TCSANOW, modes)

    def end(self) -> None:
        """As it was before. From the background, writing modes would stop us; whoever has the terminal has set its own."""
        before, self._before = self._before, None
        if before is not None and in_foreground(self._terminal):
            with suppress(termios.error):
                termios.tcsetattr(self._terminal, termios.TCSANOW, before)

    def forget_typed(self) -> None:
        """Throws away what was typed and not read, as an interrupt does otherwise."""
        with suppress(termios.error):
            if self._before is not None:
                termios.tcflush(self._terminal, termios.TCIFLUSH)
