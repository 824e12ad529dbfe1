"""Sixteen clients at once: nobody is refused, and ten thousand requests leave the memory as it was."""

import sys
from pathlib import Path

import numpy as np
from api_example import make_run, png

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))  # last, so that it shadows nothing

from api_load import load, measure, resident, served

REQUESTS, PARTS = 10_000, 10


def test_ten_thousand_requests_leave_the_memory_as_it_was(tmp_path: Path) -> None:
    """All of the server but the network, which is fast enough this way; the benchmark has it, too."""
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(16):
        (images / f"{seed}.png").write_bytes(png(seed, (128, 128)))
    run = make_run(tmp_path / "run", signs=38)
    with served(run) as (url, server):
        load(url, images, seconds=60, requests=1_000)
        sizes = [resident(server)]
        for _ in range(PARTS):
            found = load(url, images, seconds=120, requests=REQUESTS // PARTS)
            assert found.statuses == {"200": REQUESTS // PARTS}
            sizes.append(resident(server))
    slope = np.polyfit(range(len(sizes)), sizes, 1)[0] * PARTS
    assert slope < 10, f"grew by {slope:.1f} MB in {REQUESTS:,} requests: {sizes}"
    assert max(sizes) - sizes[0] < 30


def test_the_default_encoder_serves_sixteen_clients_at_four_fifths_of_its_offline_rate() -> None:
    """Of the rate of the encode stage with the same files; it takes a machine that does nothing else."""
    found = {name: figure.value for name, figure in measure().items()}
    assert found["api.failed"] == 0
    assert found["api.share"] >= 0.8, found
