"""Pictures of segments, for a person to see what a model is given.

An image is an array (F, T), row 0 the top: low frequencies are at the bottom. One of type uint8 is
drawn as it is, any other stretched from its 1st percentile (black) to its maximum (white). Equal
images give equal files: grey PNG without dates and versions.

* `contact_sheet`: a row of thumbnails per class, as one PNG.
* `draw_segments`: the contact sheet of a stage.
* `segment_images`: a PNG per segment in a folder per class, as system 001 wrote them.
"""

from dawnchorus.pictures.sheets import contact_sheet
from dawnchorus.pictures.stages import draw_segments, segment_images

__all__ = ["contact_sheet", "draw_segments", "segment_images"]
