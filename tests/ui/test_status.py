import pytest
from rich.cells import cell_len

from tokenfall.events import Usage
from tokenfall.timing import StreamClock
from tokenfall.ui.status import Cell, View, cells, fit, row_width


def clock(*arrivals: float, ended: float | None = None) -> StreamClock:
    made = StreamClock()
    made.sent(100.0)
    for at in arrivals:
        made.token(at)
    if ended is not None:
        made.ended(ended)
    return made


def texts(view: View, now: float = 100.0) -> list[str]:
    return [cell.text for cell in cells(view, now)]


SENT = clock()


@pytest.mark.parametrize(
    ("view", "state"),
    [
        (View(), "ready"),
        (View(loading=True), "loading"),
        (View(rest="stopped", loading=True), "loading"),
        (View(rest="error", clock=clock(100.5, ended=101.0)), "error"),
        (View(running=True, loading=True, clock=StreamClock()), "loading"),
        (View(running=True, clock=StreamClock()), "waiting"),
        (View(running=True, loading=True, clock=SENT), "waiting"),
        (View(running=True, rest="stopped", clock=clock(100.5)), "streaming"),
    ],
)
def test_the_state_is_one_word_and_true(view: View, state: str) -> None:
    assert view.state == state
    assert texts(view)[0] == state


def test_before_any_reply() -> None:
    assert texts(View(model="local/smollm2")) == ["ready", "local/smollm2", "^C quit"]


def test_ttft_counts_in_whole_milliseconds_then_freezes() -> None:
    view = View(running=True, model="m", clock=clock(), ctrl_c="stop")
    assert "TTFT 212 ms" in texts(view, 100.2124)
    view.clock = clock(100.2124)
    assert "TTFT 212 ms" in texts(view, 180.0)
    view.clock = clock()
    assert "TTFT 12.3 s" in texts(view, 112.3)


@pytest.mark.parametrize(("ttft", "role"), [(0.499, "good"), (0.5, "fair"), (2.0, "fair"), (2.001, "slow")])
def test_ttft_has_the_colour_of_its_speed(ttft: float, role: str) -> None:
    view = View(running=True, model="m", clock=clock(100.0 + ttft))
    assert [cell.role for cell in cells(view, 200.0) if cell.text.startswith("TTFT")] == [role]


def test_figures_of_a_finished_reply_are_over_the_whole_of_it() -> None:
    view = View(model="m", clock=clock(100.5, 101.0, 101.5, ended=101.6), usage=Usage(45, 5), context=200)
    assert texts(view, 500.0) == ["ready", "m", "TTFT 500 ms", "4.0 tok/s", "gap 500/500 ms", "45↑ 5↓", "ctx 25%", "^C quit"]


def test_deltas_are_counted_with_a_tilde_until_the_service_counts() -> None:
    assert "~2↓" in texts(View(running=True, model="m", clock=clock(100.5, 101.0)), 101.0)


FULL = [Cell(text) for text in ("streaming", "local/smollm2", "TTFT 212 ms", "74 tok/s", "gap 13/21 ms", "45↑ 200↓", "ctx 3%", "^C stop")]


@pytest.mark.parametrize("width", range(1, 120))
def test_cells_drop_from_the_right_and_never_wrap(width: int) -> None:
    shown = fit(FULL, width)
    assert len(shown) == 1 or row_width(shown) <= width
    assert shown[0] == FULL[0]
    assert shown == FULL[: len(shown)] or shown == [FULL[0], FULL[2]]


def test_state_and_ttft_remain_at_40_columns_however_long_the_model_is_called() -> None:
    row = [Cell("streaming"), Cell("openrouter/some-vendor/some-very-long-model-name"), *FULL[2:]]
    assert [cell.text for cell in fit(row, 38)] == ["streaming", "TTFT 212 ms"]
    assert cell_len("streaming │ TTFT 212 ms") <= 38
