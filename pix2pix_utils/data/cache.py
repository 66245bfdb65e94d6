"""Decode and resize once: a split as two memory-mapped arrays.

    <cache>/<source>-<split>-<size>-<key>/
        photos.npy     (N, S, S, 3) uint8
        classes.npy    (N, S, S) uint8
        index.json     the key and the names of the pairs, in the order of the arrays

The key is a hash of everything that the arrays depend on: names, sizes and times of the files, the
image size and how they are read. A folder is written as <cache>/.part and renamed once it is
complete. Any of them may be deleted at any time.
"""

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
import types
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from operator import methodcaller
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm.auto import tqdm

from pix2pix_utils.data.source import Item, Reading, Source
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import explain_os_error, read_json, write_json
from pix2pix_utils.locks import FileLock
from pix2pix_utils.paths import cache_root

FORMAT_VERSION = 2  # increase it when reading or resizing changes
WORKERS = min(os.cpu_count() or 1, 8)
MIN_ITEMS_FOR_PROCESSES = 64  # starting the processes takes as long as drawing about 20 scenes


def load_arrays(
    source: Source, split: str, image_size: int, progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Photos (N, S, S, 3) and classes (N, S, S) of a split, both uint8 and read-only.

    Builds them if they are not in the cache, with a progress bar on stderr. If several processes
    want the same arrays, one builds them and the others wait. Raises UserError if a file cannot be
    used or the cache cannot be written.
    """
    key = _key(source, split, image_size)
    index = {"key": key, "names": [item.name for item in source.splits[split]]}
    name = re.sub(r"[^\w-]+", "_", source.name)
    folder = cache_root() / f"{name}-{split}-{image_size}-{key}"
    arrays = _open(folder, index, image_size)
    if arrays is not None:
        return arrays
    remedy = "; set PIX2PIX_CACHE to a folder that can be written"
    with explain_os_error(f"write the cache {folder}", remedy):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / ".lock"):  # one build at a time: each uses every core
            if _open(folder, index, image_size) is None:
                _build(folder, index, source, split, image_size, progress)
            arrays = _open(folder, index, image_size)
    if arrays is None:
        raise UserError(f"the cache {folder} was written but cannot be read back: check its disk")
    return arrays


def _key(source: Source, split: str, image_size: int) -> str:
    files = [(i.name, [file_stamp(path) for path in i.files]) for i in source.splits[split]]
    material = [
        *(FORMAT_VERSION, image_size, source.version, files),
        *source.reading.identity(),
    ]
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]


def file_stamp(path: Path) -> tuple[str, int, int]:
    """Path, size in bytes and modification time in ns; raises UserError if there is no file."""
    with explain_os_error(f"read {path}"):
        status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def _open(folder: Path, index: dict, image_size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The arrays of a complete folder; None if it is missing or damaged."""
    try:
        found = read_json(folder / "index.json")
        photos = np.load(folder / "photos.npy", mmap_mode="r", allow_pickle=False)
        classes = np.load(folder / "classes.npy", mmap_mode="r", allow_pickle=False)
    except (UserError, OSError, ValueError, EOFError):
        return None
    shape = (len(index["names"]), image_size, image_size)
    complete = (
        found == index
        and (photos.shape, photos.dtype) == ((*shape, 3), np.uint8)
        and (classes.shape, classes.dtype) == (shape, np.uint8)
    )
    return (photos, classes) if complete else None


def _build(
    folder: Path, index: dict, source: Source, split: str, image_size: int, progress: bool
) -> None:
    """Read every item of the split into a new folder. The caller holds the cache's lock."""
    part = folder.with_name(".part")
    shutil.rmtree(part, ignore_errors=True)  # left by a process that was killed
    items = source.splits[split]
    needed, free = len(items) * image_size**2 * 4, shutil.disk_usage(folder.parent).free
    if needed > free:
        raise UserError(
            f"the cache of {split} needs {needed / 1e6:.0f} MB but {folder.parent} has "
            f"{free / 1e6:.0f} MB free: set PIX2PIX_CACHE to another disk or use fewer pairs"
        )
    part.mkdir()
    try:
        shape = (len(items), image_size, image_size)
        label = f"{source.name} {split} at {image_size} px"
        # Not as memory maps: when the disk fills up, they kill the process.
        with (
            _array_file(part / "photos.npy", (*shape, 3)) as photos,
            _array_file(part / "classes.npy", shape) as classes,
            closing(_read_all(items, source.reading, image_size)) as pairs,
        ):
            for class_map, photo in tqdm(
                pairs, label, len(items), unit="pair", disable=not progress
            ):
                classes.write(class_map.tobytes())
                photos.write(photo.tobytes())
        write_json(part / "index.json", index)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except UserError as error:
        if items[0].files:
            error = UserError(
                f"{error} (`python -m pix2pix_utils data {source.location}` lists every such file)"
            )
        raise error from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _array_file(path: Path, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """A .npy file to write uint8 values to, one after the other; synced to disk when it closes."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        yield file
        file.flush()
        os.fsync(file.fileno())


def _read_all(
    items: tuple[Item, ...], reading: Reading, image_size: int
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Class map and photo of every item, in order, read in parallel.

    Threads are enough for files, since Pillow releases Python's lock to decode and resize; drawing
    is mostly Python and needs processes.
    """
    read = methodcaller("read", reading, image_size)
    if items[0].files or len(items) < MIN_ITEMS_FOR_PROCESSES or WORKERS == 1:
        pool: Executor = ThreadPoolExecutor(WORKERS)
        pairs = pool.map(read, items)
    else:
        context = multiprocessing.get_context("spawn")  # a fork would copy torch's locks
        pool = ProcessPoolExecutor(WORKERS, context, initializer=_start_worker)
        with _main_hidden():
            pairs = pool.map(read, items, chunksize=8)
    try:
        yield from pairs
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent process, and exit when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow(parent: multiprocessing.Process) -> None:
        parent.join()
        os._exit(1)

    parent = multiprocessing.parent_process()
    threading.Thread(target=follow, args=(parent,), daemon=True).start()


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep processes that are started inside from running the caller's script again.

    `spawn` imports `__main__` in each process, so a script without a `__main__` guard would start
    workers in every worker. They need this package only.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
