"""One style: colours that the colour-blind can tell apart, and a line or marker for each.

Okabe and Ito's colours (2008). Nothing is said by colour alone: figures are printed in grey too.
"""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X<>ph"
GREY = "#777777"  # what no network made
CELL = 1.45  # inches; a picture in a grid
