"""What services send, kept as files and cut in every way.

`cases/WIRE/NAME.sse` or `.ndjson` holds the bytes of a response's body, `NAME.json` beside it the events that they are: a list of
objects, each an event's class as `type` and those of its fields that say something. A last `{"raises": TEXT}` is a WireError whose
message holds TEXT.
"""

import json
import random
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import pytest
from tests.wire.chunks import bytewise, cut, framed

from tokenfall.errors import WireError
from tokenfall.transport import FRAMINGS
from tokenfall.wire import WIRES

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path for wire in WIRES.values() for path in (FOLDER / wire.name).glob(f"*.{wire.framing}"))
Told = list[dict[str, object]]

each_case = pytest.mark.parametrize("case", CASES, ids=[f"{path.parent.name}-{path.stem}" for path in CASES])


def content(case: Path) -> bytes:
    return case.read_bytes()


async def told(wire_name: str, chunks: list[bytes]) -> Told:
    """Events as the case files write them; an error is the last row."""
    rows: Told = []
    wire = WIRES[wire_name]
    decoder = wire.decoder()
    frames, _ = await framed(chunks, FRAMINGS[wire.framing])
    for frame in frames:
        try:
            rows += [{"type": type(event).__name__, **said(event)} for event in decoder.decode(frame)]
        except WireError as error:
            return [*rows, {"raises": error.message}]
    return rows


def said(value: object) -> dict[str, object]:
    """The fields of a dataclass that are not as they are by default."""
    assert is_dataclass(value)
    told = {}
    for field in fields(value):
        found = getattr(value, field.name)
        if field.default is MISSING or found != field.default:
            told[field.name] = said(found) if is_dataclass(found) else found
    return told


def check(rows: Told, case: Path) -> None:
    wanted = json.loads(case.with_suffix(".json").read_text("utf-8"))
    assert len(rows) == len(wanted), rows
    for row, want in zip(rows, wanted, strict=True):
        if "raises" in want:
            assert str(want["raises"]) in str(row.get("raises", ""))
        else:
            assert row == want


@pytest.mark.parametrize("wire", WIRES)
def test_there_are_cases(wire: str) -> None:
    folder = FOLDER / wire
    names = sorted(path.stem for path in folder.glob(f"*.{WIRES[wire].framing}"))
    assert len(names) > 15
    assert names == sorted(path.stem for path in folder.glob("*.json"))


@each_case
async def test_whole(case: Path) -> None:
    check(await told(case.parent.name, [content(case)]), case)


@each_case
async def test_byte_by_byte(case: Path) -> None:
    check(await told(case.parent.name, bytewise(content(case))), case)


@each_case
async def test_random_cuts(case: Path) -> None:
    data = content(case)
    dice = random.Random(len(data))
    for _ in range(20):
        places = [dice.randrange(len(data)) for _ in range(dice.randrange(1, 12))]
        check(await told(case.parent.name, cut(data, places)), case)
