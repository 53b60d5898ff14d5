"""The terminal that other tests look at must itself be right."""

import os
import signal
import sys

import pytest
from tests.ptyscreen import PtyScreen, key_bytes, terminal_env

# Raw mode, then every byte that comes is printed in hex; q ends with status 7.
ECHO = """
import os, select, signal, sys, termios, tty
def resized(*_):
    size = os.get_terminal_size()
    os.write(1, b"size %dx%d\\r\\n" % (size.columns, size.lines))
signal.signal(signal.SIGWINCH, resized)
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"up\\r\\n")
data = b""
while data != b"q":
    # with an end: a signal that comes just before a read is only heard of after it
    if data := os.read(0, 65536) if select.select([0], [], [], 0.05)[0] else b"":
        os.write(1, b"<" + data.hex().encode() + b">\\r\\n")
termios.tcsetattr(0, termios.TCSANOW, before)
print("bye")
sys.exit(7)
"""

INTERRUPTED = """
import time
try:
    print("sleeping", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("heard ctrl+c")
"""


def python(script: str, columns: int = 80) -> PtyScreen:
    return PtyScreen([sys.executable, "-c", script], columns=columns)


def printing(data: bytes) -> str:
    return f"import sys; sys.stdout.buffer.write({data!r}); sys.stdout.flush(); sys.stdin.readline()"


def test_keys_reach_the_program_and_its_end_is_told() -> None:
    with python(ECHO) as screen:
        screen.wait_for("^up$")
        screen.press("ctrl+c", "up", "enter")
        screen.wait_for("<031b5b410d>")
        screen.type("é").wait_for("<c3a9>")
        screen.paste("a\nb").wait_for("<1b5b3230307e610d621b5b3230317e>")
        screen.type("q")
        assert screen.exit_status() == 7
        assert "bye" in screen.text()


def test_a_resize_reaches_the_program_and_the_screen() -> None:
    with python(ECHO) as screen:
        screen.wait_for("^up$")
        screen.resize(40, 5)
        screen.wait_for("size 40x5")
        assert len(screen.rows()) == 5


def test_ctrl_c_interrupts_a_program_that_reads_nothing() -> None:
    with python(INTERRUPTED) as screen:
        screen.wait_for("sleeping")
        screen.press("ctrl+c")
        screen.wait_for("heard ctrl\\+c")
        assert screen.exit_status() == 0


def test_a_signal_is_told_as_subprocess_tells_it() -> None:
    with python(INTERRUPTED) as screen:
        screen.wait_for("sleeping")
        screen.signal(signal.SIGTERM)
        assert screen.exit_status() == -signal.SIGTERM


def test_the_line_drops() -> None:
    with python(INTERRUPTED) as screen:
        screen.wait_for("sleeping")
        screen.hang_up()
        assert screen.exit_status() == -signal.SIGHUP


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (b"\x1b[6n", b"\x1b[2;1R"),
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
        (b"\x1b[?7777$p", b"\x1b[?7777;0$y"),
    ],
)
def test_queries_are_answered(query: bytes, answer: bytes) -> None:
    ask = f"tty.setraw(0)\nos.write(1, b'up\\r\\n' + {query!r})"
    with python(ECHO.replace('tty.setraw(0)\nos.write(1, b"up\\r\\n")', ask)) as screen:
        screen.wait_for(f"<{answer.hex()}>")


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (b"a\x1b[2Cb", "a  b"),
        (b"plain\x1b[>1u\x1b[<u\x1b[=0;1u\x1b[?u!", "plain!"),  # the kitty keyboard: pyte would restore the cursor
        (b"\x1b[4:3mcurly\x1b[0m", "curly"),
        (b"\x1b[38:2::1:2:3mcolour\x1b[0m", "colour"),
        (b"\x1b]52;c;aGk=\x07\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bP+q544e\x1b\\\x1b_G\x1b\\after", "after"),
        (b"-\x1b[3b.", "----."),
        (b"before\x1b[?1049hon the other", "on the other"),
        (b"\x1b[?2026h\x1b[?25lframe\x1b[?2026l", "frame"),
        (b"cut\x1b[12\xc3\xa9 on", "cuté on"),
        ("宽字 ok".encode(), "宽字 ok"),
    ],
)
def test_what_a_terminal_shows(printed: bytes, seen: str) -> None:
    with python(printing(printed)) as screen:
        screen.wait_until(lambda: screen.rows()[0].strip() == seen, repr(seen))


def test_a_sequence_that_comes_in_two_pieces_is_one() -> None:
    pieces = "for piece in ('one\\x1b[', '2', 'Jtwo\\x1b', '[31mred'): print(piece, end='', flush=True); time.sleep(0.02)"
    with python(f"import time\n{pieces}") as screen:
        screen.wait_for("twored")


def test_much_goes_in_while_much_comes_out() -> None:
    with python(ECHO, columns=200) as screen:
        screen.wait_for("^up$")
        screen.send(b"x" * 300_000)
        screen.send(b"END")
        screen.wait_raw(b"454e44>")
        assert screen.raw.count(b"78") >= 300_000


def test_waiting_fails_with_the_screen_when_the_program_has_ended() -> None:
    with python("print('all there is')") as screen, pytest.raises(AssertionError, match=r"the program ended(.|\n)*all there is"):
        screen.wait_for("never")


def test_waiting_ends_at_its_limit() -> None:
    with python(INTERRUPTED) as screen:
        screen.wait_for("sleeping")
        with pytest.raises(AssertionError, match="passed"):
            screen.wait_for("never", timeout=0.05)
        screen.wait_gone("never")


def test_nothing_is_left_running() -> None:
    with python(INTERRUPTED) as screen:
        pid = screen.pid
        screen.wait_for("sleeping")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_keys_have_names() -> None:
    assert key_bytes("ctrl+a") == b"\x01"
    assert key_bytes("alt+f") == b"\x1bf"
    assert key_bytes("ctrl+_") == b"\x1f"
    with pytest.raises(ValueError, match="no such key"):
        key_bytes("hyper+x")


def test_the_environment_is_a_plain_terminal() -> None:
    env = terminal_env(NO_COLOR="1")
    assert env["TERM"] == "xterm-256color"
    assert env["NO_COLOR"] == "1"
    assert "TMUX" not in env
