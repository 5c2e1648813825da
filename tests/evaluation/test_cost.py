from __future__ import annotations

import json

from mien.evaluation.cost import Cost


def test_what_is_not_known_is_none() -> None:
    plain = json.loads(json.dumps(Cost(size_bytes=1_500_000, latency_ms=1.5, latency_spread=(1.4, 1.9), threads=1).to_dict()))
    assert (plain["size_bytes"], plain["macs"], plain["latency_spread"]) == (1_500_000, None, [1.4, 1.9])
    assert Cost().to_dict()["latency_spread"] is None
