"""Street scenes as pairs of a label map and a photo: found, read, cached, and served as tensors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"augmentation"},
    submod_attrs={
        "palette": ["CAMVID", "CITYSCAPES", "Palette"],
        "source": ["SPLITS", "Source"],
        "discovery": ["open_source"],
        "checking": ["check_source"],
        "pairs": [
            "StreetPairs",
            "class_frequencies",
            "epoch_order",
            "to_signed",
            "to_uint8",
            "to_unit",
        ],
        "dataset": ["StreetData", "load_data"],
        "streets": ["draw_street"],
    },
)
