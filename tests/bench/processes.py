"""What Linux says of processes and of the machine."""

import os
import platform
import time
from contextlib import suppress
from pathlib import Path


def tree(pid: int) -> list[int]:
    """The process and all that it has started."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{each}/task"):
                found += map(int, Path(f"/proc/{each}/task/{task}/children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of the process and those below it, of all their threads, ended ones too."""
    total = 0.0
    for each in tree(pid):
        with suppress(OSError):
            total += time.clock_gettime(~each << 3 | 2)  # the clock of another process, as clock_getcpuclockid(3) makes it on Linux
    return total


def resident_mb(pid: int) -> float:
    """Memory that the process and those below it hold, in millions of bytes."""
    pages = 0
    for each in tree(pid):
        with suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def stolen() -> tuple[float, float]:
    """Seconds that the host took from this machine since it started, and all seconds of its cores (proc(5), /proc/stat)."""
    ticks = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    unit = os.sysconf("SC_CLK_TCK")
    return ticks[7] / unit, sum(ticks) / unit


def machine() -> str:
    models = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.release()}"
