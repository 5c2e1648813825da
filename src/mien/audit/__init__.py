"""What is wrong with a data set or a split: twins, leaks, conflicting labels, broken pictures."""

from __future__ import annotations

from mien.audit.checks import audit
from mien.audit.findings import KINDS, SEVERITIES, Audit, Finding

__all__ = ["KINDS", "SEVERITIES", "Audit", "Finding", "audit"]
