"""TODO."""

from pathlib import Path

from pix2pix_utils.data.folders import list_images, subfolders


def sides_by_split(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """Images of a folder by side and split: {side: {split: files}}, with "" where there is no name.

    One side is side-by-side images, two are parallel folders.
    """
    tree = {}
    for sub in subfolders(folder):
        if images := list_images(sub):
            tree[sub.name] = {"": images}
        elif inner := {
            s.name.lower(): images for s in subfolders(sub) if (images := list_images(s))
        }:
            tree[sub.name] = inner
    splits = {name.lower(): sides for name, sides in tree.items()}
    if "train" in splits:  # train/*.jpg or train/photos/*.jpg: turn splits of sides around
        names = sorted({side for sides in splits.values() for side in sides})
        return {
            side: {split: sides[side] for split, sides in splits.items() if side in sides}
            for side in names
        }
    if len(tree) == 2:
        return tree
    direct = list_images(folder)
    return {"": {"": direct}} if direct else {}
