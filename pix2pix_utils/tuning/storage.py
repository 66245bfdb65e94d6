"""Where the trials of a study are kept: an SQLite file, or a database server.

An SQLite file is safe for several processes of one machine, also if they are killed while they
write. Over a network drive its locks cannot be relied upon: several machines need a server.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error
from pix2pix_utils.locks import FileLock

_BUSY_SECONDS = 60  # to wait for another process that is writing to an SQLite file
_ATTEMPTS = 4  # two machines may create the tables of a server at the same moment


def open_storage(address: str | Path) -> optuna.storages.RDBStorage:
    """The storage at a file's path or at an SQLAlchemy URL; creates the file or the tables.

    Raises UserError if it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with explain_storage_errors(address):
        if not is_file(address):
            return _connect(str(address))
        path = Path(address)
        with explain_os_error(f"open the storage {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{path.name}.lock")):
                return optuna.storages.RDBStorage(
                    f"sqlite:///{path}", {"connect_args": {"timeout": _BUSY_SECONDS}}
                )


def is_file(address: str | Path) -> bool:
    """Whether an address is a file's path, not a URL."""
    return "://" not in str(address)


def shown(address: str | Path) -> str:
    """An address for messages: a URL without its password."""
    if is_file(address):
        return str(address)
    try:
        return make_url(str(address)).render_as_string()
    except ArgumentError:
        return "URL"


@contextmanager
def explain_storage_errors(address: str | Path) -> Iterator[None]:
    """Raise UserError if the block fails to read or write the storage."""
    try:
        yield
    except ImportError as error:  # the module that speaks to this kind of server
        raise UserError(f"cannot use the storage {shown(address)}: {error}") from None
    except (StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        raise UserError(f"cannot use the storage {shown(address)}: {reason}") from None


def _connect(url: str) -> optuna.storages.RDBStorage:
    for attempt in range(1, _ATTEMPTS):
        try:
            return optuna.storages.RDBStorage(url, {"pool_pre_ping": True})
        except (IntegrityError, OperationalError, ProgrammingError, StorageInternalError):
            time.sleep(attempt)
    return optuna.storages.RDBStorage(url, {"pool_pre_ping": True})
