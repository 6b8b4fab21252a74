"""The one SQL store, for SQLite and PostgreSQL alike. `Store.open(url)` and everything around it.

Import from here:
    Store, Txn                                     the doors
    Changes and its rows                           what a transaction writes
    KnownReport, KnownCommand, Candidate, Body, Letter, Counts   what it hands back
    StoreError, StoreLocked, StoreUnavailable, Conflict, StatementFailed   what goes wrong
"""

from dispatcher.store.changes import (
    BoundAttachment,
    ChangedIncident,
    ChangedLetter,
    Changes,
    Erasure,
    NewAttachment,
    NewBody,
    NewBundle,
    NewCommand,
    NewIncident,
    NewJournalRow,
    NewLetter,
    NewReport,
)
from dispatcher.store.errors import Conflict, StatementFailed, StoreError, StoreLocked, StoreUnavailable
from dispatcher.store.found import Body, Candidate, Counts, KnownCommand, KnownReport, Letter, StoredAttachment
from dispatcher.store.store import Store
from dispatcher.store.txn import Txn

__all__ = [
    "Body",
    "BoundAttachment",
    "Candidate",
    "ChangedIncident",
    "ChangedLetter",
    "Changes",
    "Conflict",
    "Counts",
    "Erasure",
    "KnownCommand",
    "KnownReport",
    "Letter",
    "NewAttachment",
    "NewBody",
    "NewBundle",
    "NewCommand",
    "NewIncident",
    "NewJournalRow",
    "NewLetter",
    "NewReport",
    "StatementFailed",
    "Store",
    "StoreError",
    "StoreLocked",
    "StoreUnavailable",
    "StoredAttachment",
    "Txn",
]
