"""How data sets lie on disk: one module for each layout.

A layout is a module with

    FOLDERS                         the folders that it expects, in words, for an error message
    matches(folder) -> bool         whether a folder has this layout, judged by names alone
    open_folder(folder) -> Source   its pairs, splits and palette; UserError if it is incomplete

To add a layout, write such a module and add it to `LAYOUTS`. `pairing` and `splits` hold what
several layouts share. `synthetic` describes the drawn streets, which lie in no folder.
"""

from pix2pix_utils.data.layouts import cityscapes, parallel, segnet, side_by_side

LAYOUTS = (segnet, cityscapes, side_by_side, parallel)  # the first that matches is used
