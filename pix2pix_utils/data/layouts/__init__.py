"""How data sets lie on disk: one module for each layout.

A layout is a module with

    FOLDERS                           the folders that it expects, in words, for an error message
    find(folder) -> Listing | None    the pairs in a folder of this layout, found by the names of
                                      files and folders alone; None if the folder has another one

`find` opens no image. It raises UserError if the folder has this layout but is incomplete. To add
a layout, write such a module and add it to `LAYOUTS`.

`side_names` knows the words for photos, label maps and splits; `places` lists the folders that hold
images, `affixes` finds by what the names of two sides differ, `pairing` matches names, and `splits`
makes train, val and test. `synthetic` describes the drawn streets, which lie in no folder.
"""

from pix2pix_utils.data.layouts import (
    cityscapes,
    one_folder,
    parallel,
    segnet,
    side_by_side,
    voc,
)

# the first that finds something is used
LAYOUTS = (segnet, cityscapes, voc, parallel, one_folder, side_by_side)
