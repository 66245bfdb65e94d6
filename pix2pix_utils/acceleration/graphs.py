"""The training step as one CUDA graph: a GPU that gets it whole does not wait for Python.

At batch size 1 a step is a thousand short kernels, and starting them from Python takes longer than
running them. A captured graph starts them all at once. Its memory is fixed: the inputs are copied
into it, the weights are changed in place, and the losses lie where they lay the step before.
"""

from collections import defaultdict

import torch
from torch import Tensor
from tqdm import tqdm

from pix2pix_utils.training.losses import Objective
from pix2pix_utils.training.step import Networks, training_step

WARM_UP_STEPS = 3  # before a capture: libraries choose algorithms, optimisers make their state


class GraphedStep:
    """`training_step` on a GPU, captured at the first call and replayed from then on.

    The same numbers as the eager step: dropout inside the graph draws from the device's generator,
    whose seed may be set before every call. Batches of another shape than the first, such as the
    last of an epoch, run eagerly, and so does everything in float16, whose loss scale may skip a
    step, or if the capture fails, which is told once.
    """

    def __init__(self, networks: Networks, objective: Objective):
        self.networks, self.objective = networks, objective
        self._graph: torch.cuda.CUDAGraph | None = None
        self._eager_only = networks.precision == "fp16"

    def __call__(self, label: Tensor, photo: Tensor) -> dict[str, Tensor]:
        if self._graph is None and not self._eager_only:
            self._capture(label, photo)
        if self._graph is None or label.shape != self._label.shape:
            return training_step(self.networks, label, photo, self.objective)
        self._label.copy_(label)
        self._photo.copy_(photo)
        self._graph.replay()
        return self._losses

    def _capture(self, label: Tensor, photo: Tensor) -> None:
        self._label, self._photo = label.clone(), photo.clone()
        device = label.device
        state = _Snapshot(self.networks)
        generator = torch.cuda.default_generators[device.index or torch.cuda.current_device()]
        random_state = generator.get_state()
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        try:
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP_STEPS):
                    training_step(self.networks, self._label, self._photo, self.objective)
            torch.cuda.current_stream(device).wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # another thread may be reading the next batch into pinned memory meanwhile
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._losses = training_step(
                    self.networks, self._label, self._photo, self.objective
                )
            self._graph = graph
        except RuntimeError as error:
            self._eager_only = True
            reason = str(error).strip().splitlines()[0]
            tqdm.write(f"the step runs eagerly, since it could not be captured: {reason}")
        finally:
            torch.cuda.synchronize(device)
            state.put_back()
            generator.set_state(random_state)


class _Snapshot:
    """Weights, statistics and optimiser states as they are, to be put back in place.

    In place, since the captured graph goes on reading and writing these very tensors. What an
    optimiser did not have yet becomes zero, which is how Adam begins.
    """

    def __init__(self, networks: Networks):
        self._modules = (networks.generator, networks.discriminator)
        self._optimizers = (networks.generator_optimizer, networks.discriminator_optimizer)
        self._weights = [tensor.detach().clone() for tensor in self._tensors()]
        self._states: dict = defaultdict(dict)
        for optimizer in self._optimizers:
            for parameter, state in optimizer.state.items():
                self._states[parameter] = {name: value.clone() for name, value in state.items()}

    def _tensors(self) -> list[Tensor]:
        return [t for module in self._modules for t in (*module.parameters(), *module.buffers())]

    @torch.no_grad()
    def put_back(self) -> None:
        for tensor, value in zip(self._tensors(), self._weights, strict=True):
            tensor.copy_(value)
        for optimizer in self._optimizers:
            for parameter, state in optimizer.state.items():
                for name, value in state.items():
                    before = self._states[parameter].get(name)
                    value.zero_() if before is None else value.copy_(before)
