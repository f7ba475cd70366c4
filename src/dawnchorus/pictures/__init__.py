"""Pictures for a person: what a model is given, and what was detected in a recording.

An image is an array (F, T), row 0 the top: low frequencies are at the bottom. One of type uint8 is
drawn as it is, any other stretched from its 1st percentile (black) to its maximum (white). Equal
images give equal files: grey PNG without dates and versions.

* `contact_sheet`: a row of thumbnails per class, as one PNG.
* `draw_segments`: the contact sheet of a stage.
* `segment_images`: a PNG per segment in a folder per class, as system 001 wrote them.
* `clip_picture`: a recording's spectrogram over its events and frame scores, in colours.
"""

from dawnchorus.pictures.clips import clip_picture
from dawnchorus.pictures.sheets import contact_sheet
from dawnchorus.pictures.stages import draw_segments, segment_images

__all__ = ["clip_picture", "contact_sheet", "draw_segments", "segment_images"]
