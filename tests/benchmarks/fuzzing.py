"""What the two fuzzers share: damage to bytes, a limit to memory, a loop that counts outcomes."""

import argparse
import faulthandler
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pix2pix_utils.errors import UserError

MAX_MEMORY = 6 << 30  # bytes of address space: what asks for more gets a MemoryError
MAX_RESIDENT = 2.5  # GB at any time; more is a finding
MAX_SECONDS = 10  # of the processor for one case; more is a finding
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damage(content: bytes, random: np.random.Generator) -> bytes:
    """One to four changes: bits, bytes, numbers, cuts, repeats, insertions."""
    data = bytearray(content)
    for _ in range(random.integers(1, 5)):
        if not data:
            break
        # the interesting fields stand in front
        end = len(data) if random.random() < 0.5 else min(len(data), 256)
        at = int(random.integers(0, end))
        length = int(random.integers(1, 64))
        kind = random.integers(0, 8)
        if kind == 0:
            data[at] ^= 1 << int(random.integers(0, 8))
        elif kind == 1:
            data[at] = int(random.integers(0, 256))
        elif kind == 2:
            size = int(random.choice([1, 2, 4]))
            number = int(random.choice(NUMBERS)) % (1 << 8 * size)
            data[at : at + size] = number.to_bytes(size, random.choice(["big", "little"]))
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length]
        elif kind == 5:
            data[at:at] = random.bytes(length)
        elif kind == 6:
            other = int(random.integers(0, len(data)))
            data[at : at + length] = data[other : other + length]
        elif random.random() < 0.2:
            del data[at:]
    return bytes(data)


def run(make_case: Callable[[np.random.Generator, Path], Callable[[], object]]) -> int:
    """Make and read cases for some minutes; the exit status: 0 if only `UserError` came out.

    `make_case` writes one damaged file into a folder and returns the call that reads it.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    faulthandler.enable(sys.stdout)  # a crash of a C library says where it was
    warnings.simplefilter("ignore")
    limit_memory()
    outcomes, findings, slowest, cases = Counter(), Counter(), 0.0, 0
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        while time.monotonic() < end:
            random = np.random.default_rng([arguments.seed, cases])
            read = make_case(random, Path(folder))
            cases += 1
            started = time.process_time()
            try:
                read()
                outcomes["read"] += 1
            except UserError as error:
                outcomes["refused"] += 1
                if len(str(error)) > 2000:
                    findings["a sentence of more than 2000 characters"] += 1
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    break
                where = traceback.extract_tb(error.__traceback__)[-1]
                finding = f"{type(error).__name__} in {where.filename}:{where.lineno}: {error}"
                if not findings[finding[:200]]:
                    print(f"case {cases - 1} of seed {arguments.seed}: {finding}", flush=True)
                findings[finding[:200]] += 1
            seconds = time.process_time() - started
            slowest = max(slowest, seconds)
            if seconds > MAX_SECONDS:
                print(f"case {cases - 1}: {seconds:.1f} s", flush=True)
                findings["slow"] += 1
    peak = resident_gigabytes()
    if peak > MAX_RESIDENT:
        findings[f"{peak:.1f} GB of memory"] += 1
    print(
        f"{cases} cases: {outcomes['read']} read, {outcomes['refused']} refused in a sentence, "
        f"{sum(findings.values())} anything else; slowest {slowest:.2f} s, "
        f"{peak:.2f} GB of memory at most"
    )
    for finding, count in findings.most_common():
        print(f"  {count} x {finding}")
    return 1 if findings else 0


def limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def resident_gigabytes() -> float:
    """The most memory that this process ever held; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
