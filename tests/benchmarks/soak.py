"""Does anything grow in a long training? 5,000 steps at smoke size, first tenth against last tenth.

python tests/benchmarks/soak.py [--steps 5000]      minutes on one CPU core; Linux

The real thing: epochs with validation, samples, history and best checkpoint, and a checkpoint
at least every second, in a folder that is removed at the end.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

from pix2pix_utils.training import trainer as training
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run, load_data_for
from pix2pix_utils.training.session import set_process_wide_options
from pix2pix_utils.training.trainer import Trainer

STEPS_PER_EPOCH = 20


class Measurements(Trainer):
    """A trainer that notes with every update what the process holds.

    Times are of the processor, so that other work on the machine is not taken for growth.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.notes: list[dict[str, float]] = []

    def update(self, batches, batches_in_all):
        started = time.process_time()
        losses = super().update(batches, batches_in_all)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.notes.append(
            {
                "at": started,
                "update, ms": 1000 * (time.process_time() - started),
                "resident memory, MB": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
                "open files": len(list(Path("/proc/self/fd").iterdir())),
                "threads": len(list(Path("/proc/self/task").iterdir())),
            }
        )
        return losses


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=5000)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    training.SECONDS_BETWEEN_CHECKPOINTS = 1
    config = configure("baseline", "smoke", settings=[f"train_pairs={STEPS_PER_EPOCH}"])
    config = replace(config, epochs=steps // STEPS_PER_EPOCH)
    data = load_data_for(config, "synthetic")
    set_process_wide_options()
    trainer = Measurements(config, data, torch.device("cpu"))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        trainer.fit(Run.create(Path(folder), config, data))
    notes = trainer.notes
    print(f"{len(notes)} updates in {config.epochs} epochs; medians")
    tenth = len(notes) // 10
    first, last = notes[:tenth], notes[-tenth:]
    rows = {key: [median(note[key] for note in part) for part in (first, last)]
            for key in list(notes[0])[1:]}  # fmt: skip
    rows["a whole epoch, ms"] = [
        median(1000 * (end["at"] - begin["at"]) for begin, end in pairwise(part[::STEPS_PER_EPOCH]))
        for part in (first, last)
    ]
    print(f"{'':22}{'first tenth':>12}{'last tenth':>12}{'change':>9}")
    for key, (before, after) in rows.items():
        print(f"{key:22}{before:12.1f}{after:12.1f}{after / before - 1:9.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
