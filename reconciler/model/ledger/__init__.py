"""The journal of a state folder, as its `ledger` tells it: what each run set out to do, and what of it was done.

One JSON value a line. A run first says all that it is about to do, and later, in lines of their own, what is done; what was
cut off, or is no such line, is passed over. Runs are ordered by their generation, a counter; `at` is for people only. A
secret is never in it: where one stood, or may have, stands `{"$secret": [NAMES]}`, and for a long text `{"$sha256": DIGEST}`.
"""

from reconciler.model.ledger.ours import Held, held, unfinished
from reconciler.model.ledger.records import (
    TIME_FORMAT,
    ChangeRecord,
    DueRecord,
    ItemRecord,
    PathRecord,
    RunRecord,
    RunStamp,
)
from reconciler.model.ledger.rows import line_of, read, rows_of
from reconciler.model.ledger.state_folder import FILE_NAME, folder, of_sheet, path
from reconciler.model.ledger.values import is_same, is_secret, is_untold, secret_names, told

__all__ = [
    "FILE_NAME",
    "TIME_FORMAT",
    "ChangeRecord",
    "DueRecord",
    "Held",
    "ItemRecord",
    "PathRecord",
    "RunRecord",
    "RunStamp",
    "folder",
    "held",
    "is_same",
    "is_secret",
    "is_untold",
    "line_of",
    "of_sheet",
    "path",
    "read",
    "rows_of",
    "secret_names",
    "told",
    "unfinished",
]
