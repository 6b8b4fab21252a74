"""What can go wrong between us and the database, in three words the service can act on."""


class StoreError(Exception):
    """Base. No driver's error leaves this room as it is: it would quote the values, and they are personal."""


class StoreLocked(StoreError):
    """Another process has this SQLite file open; the message names its pid."""


class StoreUnavailable(StoreError):
    """The database is away, full, or the connection was lost, perhaps during COMMIT: the outcome may be unknown.

    Nothing may be acknowledged. A retry is safe, because the dedupe keys were in the same transaction.
    """


class Conflict(StoreError):
    """Somebody else was first (unique key, row version) or the database chose us as victim (40P01, 40001).

    The transaction is rolled back; run the batch again on fresh reads.
    """


class StatementFailed(StoreError):
    """The database refused a statement for what it says: a guilty item, or a bug of ours."""
