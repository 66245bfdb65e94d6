"""pix2pix on street scenes: data, models, losses, training, evaluation and the study."""

__version__ = "0.1.0"
