"""What the words in a folder's name or a file's suffix say: split, photos or label maps."""

import re
from functools import cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
PHOTO_WORDS = _words(
    "photo photos photograph photographs image images img imgs rgb picture pictures stills raw "
    "original originals"
)
LABEL_WORDS = _words(
    "label labels labeled labelled labeling labelmap labelmaps mask masks gt seg segs segm "
    "segmentation segmentations segmented semseg semantic semantics annot annots ann anns anno "
    "annos annotation annotations annotated truth groundtruth parsing"
)
# other pictures of the same scenes, which lie beside photos and label maps
OTHER_WORDS = _words(
    "inst instance instances object objects panoptic polygons depth disparity flow normals edge "
    "edges boundary boundaries overlay overlays vis viz visualisation visualisations visualization "
    "visualizations preview previews pred preds prediction predictions thumb thumbs thumbnail "
    "thumbnails confidence"
)
# words that pix2pix users give to photos and label maps alike, so they name a side but not which
EITHER_WORDS = _words("a b input inputs target targets source sources")
FILLERS = {"set", "data", "split"}  # 'training_set' is the same as 'training'
# parts of names that say nothing more: leftImg8bit, gtFine_trainvaltest, segmentationclass
PARTS = _words(
    "left right jpeg png ground class map maps id ids color colors bit fine full trainvaltest"
)
KNOWN = {*SPLIT_WORDS, *PHOTO_WORDS, *LABEL_WORDS, *OTHER_WORDS, *PARTS}


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, split at capitals, digits and other characters.

    Two known words without anything in between are split too, as in 'trainannot'.
    """
    words: list[str] = []
    for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+", name):
        word = word.lower()
        cuts = range(2, len(word) - 1) if word not in KNOWN else ()
        cut = next((at for at in cuts if word[:at] in KNOWN and word[at:] in KNOWN), len(word))
        words += [part for part in (word[:cut], word[cut:]) if part]
    return tuple(words)


def side_of_name(name: str) -> str | None:
    """'photo' or 'label' if the words of a name say so, else None.

    A name with words of both is one of label maps, as in 'image_labels'.
    """
    words = set(words_of(name))
    if words & OTHER_WORDS:
        return None
    if words & LABEL_WORDS:
        return "label"
    return "photo" if words & PHOTO_WORDS else None


def is_only_a_side(name: str) -> bool:
    """Whether a name says nothing but split and side, as 'train_label', not 'my_street_masks'."""
    words = set(words_of(name))
    return words <= {*SPLIT_WORDS, *PHOTO_WORDS, *LABEL_WORDS, *PARTS, *FILLERS}


def photos_first(name: str) -> int:
    """A sort key for the names of two sides: photos, unknown, label maps."""
    return ("photo", None, "label").index(side_of_name(name))


def is_other(name: str) -> bool:
    """Whether a name is one of pictures that are neither photos nor label maps."""
    return bool(set(words_of(name)) & OTHER_WORDS)


def split_of_name(name: str) -> tuple[str, str]:
    """The split that a folder's name contains, or '', and what else its words say.

    ('train', '') for 'Training', ('test', 'label') for 'test_label', and ('', 'photos') for
    'photos'. What else it says is '' unless it names a side.
    """
    words = list(words_of(name))
    # Cityscapes' train ids are a kind of label maps, not of splits.
    found = [
        word
        for word, after in zip(words, [*words[1:], ""], strict=False)
        if word in SPLIT_WORDS and after not in ("id", "ids")
    ]
    if len(found) != 1:
        return "", name
    words = [word for word in words if word != found[0] and word not in FILLERS]
    rest = "_".join(words)
    if words and (side_of_name(rest) or is_other(rest) or set(words) <= EITHER_WORDS):
        return SPLIT_WORDS[found[0]], rest
    numbered = re.search(r"(?<!\d)\d{1,3}(?!\d)", name)  # 'train2' is a part, 'train2017' a year
    return (SPLIT_WORDS[found[0]], "") if not words and not numbered else ("", name)
