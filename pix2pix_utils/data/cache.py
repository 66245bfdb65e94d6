"""Decode and resize once: a split as two memory-mapped arrays.

    <cache>/<source>-<split>-<size>-<key>/
        photos.npy     (N, S, S, 3) uint8
        classes.npy    (N, S, S) uint8
        index.json     the key and the names of the pairs, in the order of the arrays

The key is a hash of everything that the arrays depend on: names, sizes and times of the files, the
image size and the palette. A folder is written under another name and renamed when it is complete,
so what bears its name is whole. Any of them may be deleted at any time.
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
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock
from tqdm.auto import tqdm

from pix2pix_utils.data.items import Item
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.source import Source
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import read_json, write_json
from pix2pix_utils.paths import cache_root

FORMAT_VERSION = 1  # raise it when reading or resizing changes
WORKERS = min(os.cpu_count() or 1, 8)
MIN_ITEMS_FOR_PROCESSES = 64  # starting the processes takes as long as drawing about 20 scenes


def load_arrays(
    source: Source, split: str, image_size: int, progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Photos (N, S, S, 3) and classes (N, S, S) of a split, both uint8 and read-only.

    Builds them if they are not in the cache, with a progress bar on stderr. Of several processes
    that want the same, one builds and the others wait for it. Raises UserError if a file cannot be
    used or the cache cannot be written.
    """
    items = source.splits[split]
    key = _key(source, items, image_size)
    name = re.sub(r"[^\w-]+", "_", source.name)
    folder = cache_root() / f"{name}-{split}-{image_size}-{key}"
    arrays = _open(folder, key, items, image_size)
    if arrays is not None:
        return arrays
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / ".lock"):  # builds take turns: each uses every core
            if _open(folder, key, items, image_size) is None:
                _build(folder, key, source, split, image_size, progress)
            arrays = _open(folder, key, items, image_size)
    except OSError as error:
        raise UserError(
            f"cannot write the cache {folder}: {error.strerror or error}; set PIX2PIX_CACHE to a "
            "folder that can be written"
        ) from None
    if arrays is None:
        raise UserError(f"the cache {folder} was written but cannot be read back: check its disk")
    return arrays


def _key(source: Source, items: tuple[Item, ...], image_size: int) -> str:
    palette = source.palette
    files = [(item.name, [file_stamp(path) for path in item.files]) for item in items]
    material = [
        *(FORMAT_VERSION, image_size, source.version, files),
        *(palette.name, palette.classes, palette.colors.tolist()),
    ]
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]


def file_stamp(path: Path) -> tuple[str, int, int]:
    """Path, size in bytes and time of a file; raises UserError if there is none."""
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    return str(path), status.st_size, status.st_mtime_ns


def _open(
    folder: Path, key: str, items: tuple[Item, ...], image_size: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The arrays of a complete folder; None if there is none or if it is damaged."""
    try:
        index = read_json(folder / "index.json")
        photos = np.load(folder / "photos.npy", mmap_mode="r", allow_pickle=False)
        classes = np.load(folder / "classes.npy", mmap_mode="r", allow_pickle=False)
    except (UserError, OSError, ValueError, EOFError):
        return None
    shape = (len(items), image_size, image_size)
    whole = (
        index == {"key": key, "names": [item.name for item in items]}
        and (photos.shape, photos.dtype) == ((*shape, 3), np.uint8)
        and (classes.shape, classes.dtype) == (shape, np.uint8)
    )
    return (photos, classes) if whole else None


def _build(
    folder: Path, key: str, source: Source, split: str, image_size: int, progress: bool
) -> None:
    """Read every item of the split into a new folder. The caller holds the cache's lock."""
    for abandoned in folder.parent.glob("*.part"):  # of a process that was killed
        if _PART.fullmatch(abandoned.name):
            shutil.rmtree(abandoned)
    items = source.splits[split]
    needed, free = len(items) * image_size**2 * 4, shutil.disk_usage(folder.parent).free
    if needed > free:
        raise UserError(
            f"the cache of {split} needs {needed / 1e6:.0f} MB but {folder.parent} has "
            f"{free / 1e6:.0f} MB free: set PIX2PIX_CACHE to another disk or use fewer pairs"
        )
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir()
    try:
        shape = (len(items), image_size, image_size)
        label = f"{source.name} {split} at {image_size} px"
        # Not by memory maps: on a disk that fills up they kill the process.
        with (
            _array_file(part / "photos.npy", (*shape, 3)) as photos,
            _array_file(part / "classes.npy", shape) as classes,
            closing(_read_all(items, source.palette, image_size)) as pairs,
        ):
            for class_map, photo in tqdm(
                pairs, label, len(items), unit="pair", disable=not progress
            ):
                classes.write(class_map.tobytes())
                photos.write(photo.tobytes())
        write_json(part / "index.json", {"key": key, "names": [item.name for item in items]})
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


_PART = re.compile(r".+-(train|val|test)-\d+-[0-9a-f]{16}\.part")


@contextmanager
def _array_file(path: Path, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """A .npy file whose uint8 values are written one after the other; on disk when it closes."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        yield file
        file.flush()
        os.fsync(file.fileno())


def _read_all(
    items: tuple[Item, ...], palette: Palette, image_size: int
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Class map and photo of every item, in order, read in parallel.

    Threads do for files, since Pillow decodes and resizes without Python's lock; drawing is mostly
    Python and needs processes.
    """
    read = partial(_read, palette=palette, image_size=image_size)
    if items[0].files or len(items) < MIN_ITEMS_FOR_PROCESSES or WORKERS == 1:
        pool: Executor = ThreadPoolExecutor(WORKERS)
        pairs = pool.map(read, items)
    else:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks of torch's threads
        pool = ProcessPoolExecutor(WORKERS, context, initializer=_start_worker)
        with _main_hidden():
            pairs = pool.map(read, items, chunksize=8)
    try:
        yield from pairs
    finally:
        pool.shutdown(cancel_futures=True)


def _read(item: Item, palette: Palette, image_size: int) -> tuple[np.ndarray, np.ndarray]:
    return item.read(palette, image_size)


def _start_worker() -> None:
    """Let only the parent handle Ctrl-C, and end this process when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow(parent: multiprocessing.Process) -> None:
        parent.join()
        os._exit(1)

    parent = multiprocessing.parent_process()
    threading.Thread(target=follow, args=(parent,), daemon=True).start()


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Processes started inside do not run the caller's script again.

    `spawn` imports `__main__` in each process, so that a script without a `__main__` guard would
    come here again and wait for itself. The workers need this package only.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
