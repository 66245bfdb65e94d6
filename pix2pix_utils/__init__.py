"""pix2pix on street scenes: data, models, losses, training, evaluation and the study."""

import os

__version__ = "0.1.0"

# Must be set before torch is imported. torch's threads on a CPU wait for each other by spinning;
# where another process wants a core, they spin away each other's time: a training step of the demo
# profile on two busy cores then took 0.8 to 5.9 s instead of 0.15 s. Shorter spinning costs an
# idle machine about 5 %.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
