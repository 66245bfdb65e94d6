"""Batches on the device, loaded without delaying the training step."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from pix2pix_utils.data.pairs import StreetPairs

MAX_MEMORY_SHARE = 0.5  # of a GPU's free memory that a split may take


class Batches:
    """The label maps and photos of one split, by index, as (N, 3, S, S) float32 in [-1, 1].

    On a CPU a batch is read from the memory-mapped cache, which takes less than 1 % of a step. On a
    CUDA GPU the whole split is kept there as bytes if it fits (0.8 GB for Cityscapes at 256x256);
    if not, a thread reads the next batch while the GPU computes. For an Apple GPU batches are read
    as for a CPU, and stay in main memory.
    """

    def __init__(self, pairs: StreetPairs, device: torch.device):
        self.pairs, self.device = pairs, device
        self.resident = device.type == "cuda" and _fits(pairs, device)
        if self.resident:
            self._photos = torch.tensor(pairs.photos, device=device)  # (M, S, S, 3) uint8
            self._classes = torch.tensor(pairs.classes, device=device)  # (M, S, S) uint8
            self._colors = pairs.signed_colors.to(device)

    def __call__(self, order: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield label maps and photos for each tensor of indices in `order`."""
        if self.resident:
            for indices in order:
                chosen = indices.pin_memory().to(self.device, non_blocking=True)
                label = self._colors[self._classes[chosen].int()].movedim(-1, 1)
                photo = self._photos[chosen].movedim(-1, 1).float().div_(127.5).sub_(1)
                yield _channels_last(label), _channels_last(photo)
        elif self.device.type != "cuda":
            # on Apple GPUs, batch norm's gradients have been wrong for channels-last images
            for indices in order:
                yield self._read(indices)
        elif len(order):
            yield from self._prefetched(order)

    def _read(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        batch = self.pairs.batch(indices.tolist())
        return batch["label"], batch["photo"]

    def _prefetched(self, order: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        def pinned(indices: Tensor) -> tuple[Tensor, Tensor]:
            label, photo = self._read(indices)
            return label.pin_memory(), photo.pin_memory()

        with ThreadPoolExecutor(1) as reader:
            future = reader.submit(pinned, order[0])
            for following in [*order[1:], None]:
                label, photo = future.result()
                if following is not None:
                    future = reader.submit(pinned, following)
                yield (
                    _channels_last(label.to(self.device, non_blocking=True)),
                    _channels_last(photo.to(self.device, non_blocking=True)),
                )


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _fits(pairs: StreetPairs, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return pairs.photos.nbytes + pairs.classes.nbytes < MAX_MEMORY_SHARE * free
