import json

import pytest

from tokenfall.errors import NetworkError
from tokenfall.events import (
    Ended,
    FirstByte,
    Opened,
    Phases,
    ReasoningDelta,
    ReplyStarted,
    Retrying,
    Sent,
    Stalled,
    Streamed,
    TextDelta,
    ToolCallDelta,
    TurnEvent,
    Usage,
    Waiting,
)
from tokenfall.messages import Message
from tokenfall.timing import Split, Stalls, StreamClock, percentile


def clock(sent: float, *arrivals: float) -> StreamClock:
    made = StreamClock()
    made.sent(sent)
    for at in arrivals:
        made.token(at)
    return made


def test_ttft_counts_up_then_freezes() -> None:
    waiting = clock(10.0)
    assert waiting.ttft(10.4) == pytest.approx(0.4)
    waiting.token(10.5)
    assert waiting.ttft(99.0) == pytest.approx(0.5)


def test_a_reply_that_ended_without_a_token_has_no_ttft() -> None:
    ended = clock(10.0)
    ended.ended(12.0)
    assert ended.ttft(50.0) is None


def test_nothing_is_known_before_sending() -> None:
    assert StreamClock().ttft(5.0) is None
    assert StreamClock().gaps() is None
    assert clock(0.0, 1.0).rate(2.0) is None


def test_live_rate_looks_back_one_second_only() -> None:
    slow_then_fast = clock(0.0, *range(1, 6), *(5 + n / 20 for n in range(1, 21)))
    assert slow_then_fast.rate(6.0) == pytest.approx(20.0)


def test_live_rate_falls_when_the_stream_stalls() -> None:
    stalled = clock(0.0, 1.0, 1.1, 1.2)
    assert stalled.rate(10.0) == 0.0


def test_mean_rate_prefers_the_services_count() -> None:
    # three deltas over two seconds, but the service says that they held nine tokens
    counted = clock(0.0, 1.0, 2.0, 3.0)
    assert counted.mean_rate() == pytest.approx(1.0)
    assert counted.mean_rate(9) == pytest.approx(4.0)


def test_a_suspension_counts_neither_in_ttft_nor_in_gaps() -> None:
    suspended = clock(10.0)
    suspended.away(60.0)
    assert suspended.ttft(70.3) == pytest.approx(0.3)
    suspended.token(70.5)
    suspended.token(70.6)
    suspended.away(30.0)
    suspended.token(100.8)
    gaps = suspended.gaps()
    assert suspended.ttft(200.0) == pytest.approx(0.5)
    assert gaps is not None
    assert gaps.longest == pytest.approx(0.2)
    assert suspended.rate(100.8) == pytest.approx(2 / 0.3)


def test_gaps() -> None:
    gaps = clock(0.0, 1.0, 1.1, 1.3, 1.6, 2.6).gaps()
    assert gaps is not None
    assert [gaps.median, gaps.p95, gaps.longest] == pytest.approx([0.2, 1.0, 1.0])


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 5), (0.51, 6), (0.95, 10), (1.0, 10)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(1, 11)], share) == expected


# --- a whole turn ---

BROKEN = NetworkError("It broke.", passing=True)
TURN: tuple[TurnEvent, ...] = (
    Waiting(9.0),
    Sent(10.0, 1),
    Opened(10.1, Phases(10.02, None, 10.03, 10.1)),
    FirstByte(10.2),
    Retrying(10.25, 10.75, 1, BROKEN),
    Sent(11.0, 2),
    Opened(11.30, Phases(11.01, 11.05, 11.06, 11.30, reused=False)),
    FirstByte(11.31),
    Streamed(11.31, ReplyStarted("m")),
    Streamed(11.50, ReasoningDelta("hm")),
    Streamed(11.60, ReasoningDelta("yes")),
    Streamed(13.60, TextDelta("Yes")),
    Stalled(15.0, 13.60),
    Streamed(15.10, TextDelta(".")),
    Streamed(15.15, ToolCallDelta(0, "id", "look")),
    Ended(15.2, "complete", Message("assistant", ()), Usage()),
)


def played(*events: TurnEvent, painted: float | None = None) -> StreamClock:
    made = StreamClock()
    for event in events:
        made.take(event)
        if painted is not None:
            made.painted(painted)
    return made


def test_a_turn_is_timed_from_its_last_sending() -> None:
    made = played(*TURN)
    assert (made.attempts, made.waits) == ([10.0, 11.0], [(10.25, 10.75)])
    assert made.ttft(99.0) == pytest.approx(0.5)
    assert (made.first_text_at, made.tokens) == (13.60, 5)
    assert made.stalls(99.0) == Stalls(2, under_way=False)


def test_where_the_time_went() -> None:
    assert played(*TURN[:9]).split() is None
    unpainted = played(*TURN).split()
    assert unpainted is not None
    assert unpainted.own is None
    split = played(*TURN, painted=11.52).split()
    assert split is not None
    assert (split.network, split.first_byte, split.server, split.own) == pytest.approx((0.06, 0.25, 0.44, 0.02))
    assert played(Sent(1.0), Streamed(2.0, TextDelta("a"))).split() == Split(None, None, None, None)


def test_only_the_first_paint_of_a_token_counts() -> None:
    made = played(Sent(1.0))
    made.painted(1.5)
    assert made.painted_at is None
    made.take(Streamed(2.0, TextDelta("a")))
    made.painted(2.1)
    made.painted(2.2)
    assert made.painted_at == 2.1


def test_between_two_attempts_nothing_is_waited_for() -> None:
    made = played(*TURN[:5])
    assert made.ttft(10.5) is None
    made.take(Sent(11.0, 2))
    assert made.ttft(11.2) == pytest.approx(0.2)


def test_a_stall_under_way() -> None:
    made = played(*TURN[:11])
    assert made.stalls(12.5) == Stalls(0, under_way=False)
    assert made.stalls(12.7) == Stalls(0, under_way=True)
    made.away(5.0)
    assert made.stalls(17.5) == Stalls(0, under_way=False)
    assert played(*TURN[:9]).stalls(99.0) == Stalls(0, under_way=False)


def test_a_suspension_counts_in_no_phase() -> None:
    made = played(Sent(10.0))
    made.away(100.0)
    for event in (Opened(110.2, Phases(headers=110.2, written=110.1, reused=True)), FirstByte(110.3), Streamed(110.4, TextDelta("a"))):
        made.take(event)
    made.painted(110.5)
    split = made.split()
    assert split is not None
    assert (split.network, split.first_byte, split.server, split.own) == pytest.approx((0.1, 0.2, 0.3, 0.1))


def test_as_json() -> None:
    told = played(*TURN, painted=11.52).to_json(output_tokens=74)
    assert json.loads(json.dumps(told)) == pytest.approx({
        "attempts": 2, "waited_ms": 500.0, "reused": False, "connected_ms": 10.0, "tls_ms": 50.0, "written_ms": 60.0, "headers_ms": 300.0,
        "first_byte_ms": 310.0, "ttft_ms": 500.0, "first_text_ms": 2600.0, "painted_ms": 520.0, "last_token_ms": 4150.0,
        "ended_ms": 4200.0, "tokens": 5, "tokens_per_s": 20.0, "gap_median_ms": 100.0, "gap_p95_ms": 2000.0, "gap_longest_ms": 2000.0,
        "stalls": 2,
    })  # fmt: skip


def test_nothing_as_json() -> None:
    told = StreamClock().to_json()
    assert {key: value for key, value in told.items() if value is not None} == {
        "attempts": 0, "waited_ms": 0.0, "reused": False, "tokens": 0, "stalls": 0
    }  # fmt: skip


def test_what_was_thought_and_not_streamed_is_no_part_of_the_rate() -> None:
    usage = Usage(3, 5100, reasoning_tokens=5000)
    hidden, streamed = StreamClock(), StreamClock()
    streamed.take(Streamed(0.0, ReasoningDelta("hm")))
    for number in range(101):
        hidden.take(Streamed(number / 100, TextDelta("a")))
    assert hidden.counted(usage) == 100
    assert hidden.mean_rate(hidden.counted(usage)) == pytest.approx(99)
    assert streamed.counted(usage) == 5100
    assert hidden.counted(Usage()) is None
