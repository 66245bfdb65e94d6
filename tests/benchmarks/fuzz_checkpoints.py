"""Damaged and lying checkpoints: does anything but a `UserError` come out, or anything run?

python tests/benchmarks/fuzz_checkpoints.py --minutes 10 [--seed 0]
"""

import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from fuzzing import damage, run

from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.models import build_generator
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.training.weights import load_state

EXECUTED = "PIX2PIX_FUZZ_EXECUTED"
# opcodes of a pickle that calls os.putenv, in front of whatever follows
PAYLOAD = f"cos\nputenv\n(V{EXECUTED}\nV1\ntR0".encode()
VALUES = [
    *(None, True, -1, 0, 1, 7, 2**31, 10**6, 10**12, 2**70, 0.5, float("nan"), float("inf")),
    *("", "unet", "enhanced", "../x", "x" * 1000, [], [1], {}, {"a": 1}, {1: 2}, (1, 2), b"x"),
]


def valid_state() -> dict:
    config = configure("baseline", "smoke", settings=["width=2"])
    torch.manual_seed(0)
    generator = build_generator(config.generator, config.image_size, config.width)
    return {
        "config": config.to_dict(),
        "palette": CAMVID.to_dict(),
        "generator": dict(generator.state_dict()),
        "epoch": 1,
    }


def saved(state, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def with_damaged_pickle(content: bytes, random: np.random.Generator) -> bytes:
    """A whole archive with a right table of contents whose pickle is damaged."""
    file = io.BytesIO()
    compression = zipfile.ZIP_DEFLATED if random.random() < 0.1 else zipfile.ZIP_STORED
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(file, "w", compression) as new,
    ):
        for name in old.namelist():
            record = old.read(name)
            if name.endswith("data.pkl"):
                if random.random() < 0.2:
                    at = int(random.integers(2, len(record)))
                    record = record[:2] + PAYLOAD + record[2:] if at % 2 else PAYLOAD + record
                else:
                    record = damage(record, random)
            new.writestr(name, record)
    return file.getvalue()


def lying(state: dict, random: np.random.Generator) -> dict:
    """A well-formed file that holds wrong values."""
    tensors = state["generator"]
    state = {key: dict(value) if isinstance(value, dict) else value for key, value in state.items()}
    for _ in range(random.integers(1, 4)):
        part = ("config", "palette", "generator")[random.integers(0, 3)]
        value = VALUES[random.integers(0, len(VALUES))]
        if random.random() < 0.1 or not isinstance(state[part], dict) or not state[part]:
            state[part] = value
            continue
        key = list(state[part])[random.integers(0, len(state[part]))]
        tensor = tensors.get(key)
        if tensor is not None:
            value = [
                *(value, tensor.flatten()[:1], tensor.new_zeros(1).expand(10**6, 10**6)),
                *(tensor.to(torch.complex64), tensor * float("nan"), tensor.bool()),
                *(tensor.double(), tensor.to_sparse(), torch.empty(3, device="meta")),
            ][random.integers(0, 9)]
        if random.random() < 0.2:
            del state[part][key]
        elif random.random() < 0.1:
            state[part][5 if random.random() < 0.5 else "extra"] = value
        else:
            state[part][key] = value
    return state


def main() -> int:
    torch.set_num_threads(1)
    state = valid_state()
    valid = [saved(state), saved(state, legacy=True)]

    def make_case(random: np.random.Generator, folder: Path):
        way = random.integers(0, 4)
        if way == 0:
            content = saved(lying(state, random), legacy=random.random() < 0.2)
        elif way == 1:
            content = damage(valid[random.integers(0, 2)], random)
        else:
            content = with_damaged_pickle(valid[0], random)
        path = folder / "case.pt"
        path.write_bytes(content)

        def read():
            if random.random() < 0.2:
                load_state(path)
            else:
                generator, palette, size = load_generator(path, torch.device("cpu"))
                palette.encode(np.zeros((2, 2), dtype=np.uint8))
                generator.eval()(torch.zeros(1, 3, size, size))
            if EXECUTED in os.environ:
                raise AssertionError("a checkpoint ran a function")

        return read

    return run(make_case)


if __name__ == "__main__":
    sys.exit(main())
