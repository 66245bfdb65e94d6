"""From the pairs of a split to batches on the device, without the step waiting for them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from pix2pix_utils.data.pairs import StreetPairs

SHARE = 0.5  # of a GPU's free memory that a split may take


class Batches:
    """The label maps and photos of one split, by index, as (N, 3, S, S) float32 in [-1, 1].

    On a CPU a batch is read from the memory-mapped cache, which takes under a hundredth of a step.
    On a GPU the whole split lies there as bytes where it fits, 0.8 GB for Cityscapes at 256x256,
    and is turned into floats there; where it does not fit, a thread reads the next batch and
    sends it while the GPU computes. Worker processes would only copy what is in memory already.
    """

    def __init__(self, pairs: StreetPairs, device: torch.device):
        self.pairs, self.device = pairs, device
        self.resident = device.type == "cuda" and _fits(pairs, device)
        if self.resident:
            self._photos = torch.tensor(pairs.photos, device=device)  # (M, S, S, 3) uint8
            self._classes = torch.tensor(pairs.classes, device=device)  # (M, S, S) uint8
            self._colors = pairs.signed_colors.to(device)

    def __call__(self, order: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """A batch for each tensor of indices in `order`, one after the other."""
        if self.resident:
            for indices in order:
                chosen = indices.pin_memory().to(self.device, non_blocking=True)
                label = self._colors[self._classes[chosen].int()].movedim(-1, 1)
                photo = self._photos[chosen].movedim(-1, 1).float().div_(127.5).sub_(1)
                yield _laid_out(label), _laid_out(photo)
        elif self.device.type == "cpu":
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
            coming = reader.submit(pinned, order[0])
            for following in [*order[1:], None]:
                label, photo = coming.result()
                if following is not None:
                    coming = reader.submit(pinned, following)
                yield (
                    _laid_out(label.to(self.device, non_blocking=True)),
                    _laid_out(photo.to(self.device, non_blocking=True)),
                )


def _laid_out(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _fits(pairs: StreetPairs, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return pairs.photos.nbytes + pairs.classes.nbytes < SHARE * free
