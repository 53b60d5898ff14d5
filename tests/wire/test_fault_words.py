"""Which errors of a service pass by themselves."""

import pytest

from tokenfall.wire.faults import passing


@pytest.mark.parametrize(
    "error",
    [
        {"code": 429},
        {"code": "429"},
        {"code": 408, "type": "invalid_request_error"},
        {"code": 500, "type": "server_error"},
        {"code": 529},
        {"code": "rate_limit_exceeded", "type": "requests"},
        {"code": "slow_down"},
        {"code": None, "type": "server_error"},
        {"type": "overloaded_error"},
        {"type": "api_error"},
        {"type": "timeout_error"},
        {"type": "InternalServerError"},
        {"code": 429, "status": "RESOURCE_EXHAUSTED"},
        {"status": "UNAVAILABLE"},
        {"code": "service_tier_capacity_exceeded"},
        "upstream timed out",
        "the server is busy",
        "a".ljust(400) + "overloaded" + "a" * 1_000_000,
    ],
)
def test_passing(error: object) -> None:
    assert passing({"error": error})
    assert passing([{"error": error}])


@pytest.mark.parametrize(
    "error",
    [
        {"code": 400, "type": "server_error"},
        {"code": 401},
        {"code": "404", "type": "not_found_error"},
        {"code": 501},
        {"code": "insufficient_quota", "type": "insufficient_quota"},
        {"code": 429, "type": "billing_not_active"},
        {"code": "context_length_exceeded", "type": "invalid_request_error"},
        {"code": True, "type": ["overloaded"]},
        {"code": -32603, "message": "overloaded"},
        {"code": 10**5000},
        {"message": "The internal notes are too long."},
        {},
        "model runner has gone",
        7,
        None,
        ["overloaded"],
    ],
)
def test_lasting(error: object) -> None:
    assert not passing({"error": error})
    assert not passing([{"error": error}])


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"object": "error", "message": "boom", "type": "InternalServerError", "code": 500}, True),
        ({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}, False),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slowly"}, True),
        ({"message": "Unauthorized"}, False),
        ({"detail": "overloaded"}, False),
    ],
)
def test_flat_bodies(body: object, wanted: bool) -> None:
    assert passing(body) is wanted
