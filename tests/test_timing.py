import pytest

from tokenfall.timing import StreamClock, percentile


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
