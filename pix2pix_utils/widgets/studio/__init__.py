"""The street studio: paint a label map and see the photos that trained generators make of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"regions"},
    submod_attrs={
        "painting": [
            "Painted",
            "Painter",
            "at_size",
            "finished_run",
            "load_painter",
            "paint",
            "released_painters",
            "save_street",
        ],
        "scenery": ["Stamp", "cut_stamps", "drawn_stamps", "drawn_streets", "typical_street"],
        "session": ["Studio"],
        "widget": ["StreetStudio", "street_studio"],
    },
)
