"""CPU time of processes, as the kernel counts it."""

import os
from pathlib import Path
from typing import Final

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children, those that have ended included."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:  # it ended just now
        return 0.0
    fields = stat.rsplit(")", 1)[1].split()
    own = sum(int(fields[place]) for place in range(11, 15)) * _TICK_S  # user, system, and both of waited-for children
    return own + sum(cpu_s(int(child)) for child in children)
