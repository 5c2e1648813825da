"""How long `import mien` and `mien --help` take: the median of five fresh processes, warm disk.

python benchmarks/startup.py
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time

RUNS = 5
LIMITS_S = {"python -c pass": None, "import mien": 0.3, "mien --help": 0.5}
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import mien": [sys.executable, "-c", "import mien"],
    "mien --help": [sys.executable, "-m", "mien", "--help"],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    print(f"Python {platform.python_version()}, {platform.machine()}, median of {RUNS} (fastest – slowest)")
    late = 0
    for name, command in COMMANDS.items():
        seconds(command)
        times = sorted(seconds(command) for _ in range(RUNS))
        median, limit = statistics.median(times), LIMITS_S[name]
        late += limit is not None and median > limit
        print(f"{name:16} {median:.3f} s ({times[0]:.3f} – {times[-1]:.3f})" + (f", at most {limit} s" if limit else ""))
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
