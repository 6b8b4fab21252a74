"""`python -m tests.simulation SEED` runs one seed and says every step; the answer ends with what did not hold."""

from __future__ import annotations

import sys

from tests.simulation.world import SimulationFailed, World


def main() -> None:
    world = World(int(sys.argv[1]))
    try:
        closing = str(world.run())
    except SimulationFailed as failure:
        closing = str(failure).partition("\n")[0]
    sys.stdout.write("\n".join([str(world.chosen), *world.lines, closing, ""]))


main()
