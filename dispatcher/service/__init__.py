"""The order of our steps: batch in, one transaction, outcomes out."""

from dispatcher.service.ids import Ulids
from dispatcher.service.policies import NoBundle, Policies
from dispatcher.service.spine import Observer, Spine
from dispatcher.service.writer import Writer, WriterStopped

__all__ = ["NoBundle", "Observer", "Policies", "Spine", "Ulids", "Writer", "WriterStopped"]
