"""The order of our steps: batch in, one transaction, outcomes out."""

from dispatcher.service.commits import Commits
from dispatcher.service.ids import Ulids
from dispatcher.service.policies import NoBundle, Policies, StoredBundles
from dispatcher.service.spine import Observer, Spine
from dispatcher.service.writer import Writer, WriterStopped

__all__ = ["Commits", "NoBundle", "Observer", "Policies", "Spine", "StoredBundles", "Ulids", "Writer", "WriterStopped"]
