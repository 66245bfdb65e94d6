"""For the tests of the studio: classes by name, and a painter without a network."""

from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.widgets.studio import Painter, regions

ROAD, SIDEWALK, BUILDING, SKY, PERSON, CAR = map(
    CITYSCAPES.index, ("road", "sidewalk", "building", "sky", "person", "car")
)
BACKGROUND = regions.background_classes(CITYSCAPES)


def painter(palette=CITYSCAPES, size=32, sign=1):
    """Returns the label map's colours, or their negative."""
    return Painter(lambda batch: sign * batch["label"], palette, size)
