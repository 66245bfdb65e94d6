"""How the files of a data set are read: decided here, once for all of them.

options      what the owner says
survey       what every file looks like, remembered in the cache
sides        which pictures are the label maps
label_maps   how they name their classes
photos       the photos' range of values and orientation
pair         a pair of files, read that way
description  all of it together: from a listing of files to a source
"""
