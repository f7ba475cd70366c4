"""What the settings of a training hold where nothing is known of frames."""

FRAMELESS = {
    "output": "clip", "clip_pooling": "average", "frame_targets": None, "normaliser": None,
}  # fmt: skip
ALONE = {"mean_teacher": None}  # of the training section
PATIENT = {"metric": None, "patience": 1, "min_delta": 0.0, "from_epoch": 1}  # never stops
