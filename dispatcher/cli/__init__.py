"""The command line: `liandong`. Processes start here; everything else speaks HTTP to the running server."""

from dispatcher.cli.main import main

__all__ = ["main"]
