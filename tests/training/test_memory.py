"""What training does with the memory that tensors free."""

from __future__ import annotations

import ctypes
import sys

import pytest
import torch

from mien.training.devices import freed_memory_kept

GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


def cleared() -> int:
    """How many pages the system clears for a block that is allocated, filled and freed eight times."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**26, dtype=torch.uint8)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


@pytest.mark.skipif(not GLIBC, reason="needs glibc's mallopt")
def test_what_tensors_free_is_used_again_while_training_and_given_back_after() -> None:
    before = cleared()
    with freed_memory_kept():
        cleared()
        within = cleared()
    assert within < before / 8
    assert cleared() > before / 10  # once at the least, since the block went back to the system
