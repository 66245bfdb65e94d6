"""From a configuration to a finished run: experiments, training step, trainer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"weights"},
    submod_attrs={
        "config": ["Config"],
        "experiments": [
            "ABLATION_SETTINGS",
            "BEYOND",
            "EXPERIMENTS",
            "PROFILES",
            "TABLE_1",
            "configure",
        ],
        "discriminator_augmentation": ["build_discriminator_augmentation"],
        "step": ["Networks", "learning_rates", "training_step"],
        "progress": ["Progress"],
        "trainer": ["Trainer"],
        "session": ["train"],
        "pretraining": ["train_experiment", "weight_initializer"],
        "runs": ["Run", "load_data_for"],
        "checkpoints": ["load_checkpoint"],
        "trained_generator": ["TrainedGenerator", "load_generator", "read_generator"],
    },
)
