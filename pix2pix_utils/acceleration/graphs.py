"""The training step as one CUDA graph, so that the GPU does not wait for Python.

At batch size 1 a step is a thousand short kernels, and launching them from Python takes longer than
running them. A captured graph launches them all at once. Its memory is fixed: the inputs are copied
into it, the weights are changed in place, and each replay overwrites the losses of the one before.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

WARM_UP_STEPS = 3  # before a capture: libraries choose algorithms, optimizers create their state

Step = Callable[[Tensor, Tensor], dict[str, Tensor]]  # label maps and photos to losses


class GraphedStep:
    """A training step that is captured at its first call on a GPU, and replayed from then on.

    `modules` and `optimizers` are all that the step changes. It gives the same numbers as the eager
    step; dropout in the graph uses the device's generator, so it can be reseeded before each call.
    The step runs eagerly on a CPU, for batches of another shape than the first (such as an epoch's
    last), if `eager_only` is set, and if the capture fails, which is reported once. Loading a state
    into an optimizer drops the graph, and the next call captures a new one.
    """

    def __init__(
        self,
        step: Step,
        modules: Sequence[nn.Module],
        optimizers: Sequence[torch.optim.Optimizer],
        eager_only: bool = False,
    ):
        self._step, self._modules, self._optimizers = step, modules, optimizers
        self._eager_only = eager_only
        self._graph: torch.cuda.CUDAGraph | None = None
        for optimizer in optimizers:
            optimizer.register_load_state_dict_post_hook(self._drop_graph)

    def __call__(self, label: Tensor, photo: Tensor) -> dict[str, Tensor]:
        if self._graph is None and label.is_cuda and not self._eager_only:
            self._capture(label, photo)
        if self._graph is None or label.shape != self._label.shape:
            return self._step(label, photo)
        self._label.copy_(label)
        self._photo.copy_(photo)
        self._graph.replay()
        return self._losses

    def _drop_graph(self, _optimizer: torch.optim.Optimizer) -> None:
        """The graph holds the optimizer's state tensors, which loading a state replaces."""
        self._graph = None

    def _capture(self, label: Tensor, photo: Tensor) -> None:
        self._label, self._photo = label.clone(), photo.clone()
        device = label.device
        snapshot = _Snapshot(self._modules, self._optimizers)
        random_state = torch.cuda.get_rng_state(device)
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        try:
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP_STEPS):
                    self._step(self._label, self._photo)
            torch.cuda.current_stream(device).wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # another thread may be reading the next batch into pinned memory meanwhile
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._losses = self._step(self._label, self._photo)
            self._graph = graph
        except RuntimeError as error:
            self._eager_only = True
            reason = str(error).strip().splitlines()[0]
            tqdm.write(f"the step runs eagerly, since it could not be captured: {reason}")
        finally:
            torch.cuda.synchronize(device)
            snapshot.restore()
            torch.cuda.set_rng_state(random_state, device)


class _Snapshot:
    """Weights, running statistics and optimizer states, to be restored in place.

    In place, since the captured graph goes on reading and writing these very tensors. State that an
    optimizer did not have yet is set to zero, which is how Adam begins.
    """

    def __init__(self, modules: Sequence[nn.Module], optimizers: Sequence[torch.optim.Optimizer]):
        self._optimizers = optimizers
        tensors = [t for module in modules for t in (*module.parameters(), *module.buffers())]
        self._tensors = [(tensor, tensor.detach().clone()) for tensor in tensors]
        self._states = {
            parameter: {name: value.clone() for name, value in state.items()}
            for optimizer in optimizers
            for parameter, state in optimizer.state.items()
        }

    @torch.no_grad()
    def restore(self) -> None:
        for tensor, value in self._tensors:
            tensor.copy_(value)
        for optimizer in self._optimizers:
            for parameter, state in optimizer.state.items():
                before = self._states.get(parameter, {})
                for name, value in state.items():
                    value.copy_(before[name]) if name in before else value.zero_()
