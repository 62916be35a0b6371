"""The fuzzing targets over their corpora, over what mutates them, and over anything at all."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
SEEDS = {name: sorted((CORPUS / name).iterdir()) for name in TARGETS}
PIECES = [b"{{", b"}}", b'"', b"\\", b"\n", b"\r\n", b"\\ud800", b"\x00", b"\xff", b"1e999", b"[" * 70, b'{"a":', b"''"]


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> bytes:
    """A seed with a few pieces cut out, put in or written over; or any bytes."""
    data = draw(st.sampled_from([seed.read_bytes() for seed in SEEDS[name]]) | st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 4))):
        at, until = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        data = (
            data[:at]
            + draw(st.sampled_from(PIECES) | st.binary(max_size=8))
            + data[until if draw(st.booleans()) else at :]
        )
    return data


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name, seeds in SEEDS.items() for seed in seeds])
def test_a_seed_passes(name, seed):
    TARGETS[name](seed.read_bytes())


@pytest.mark.parametrize("count", [60, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_a_target(name, count):
    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(spoiled(name))
    def feed(data: bytes) -> None:
        TARGETS[name](data)

    feed()
