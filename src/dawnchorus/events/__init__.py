"""Sound events: what sounds when, and how well that was found.

* ``contents``, ``spans``: events, their tables and their rules; events as arrays.
* ``decoding``, ``tuning``: frame scores to events; settings chosen on a validation part.
* ``event_based``, ``segment_based``, ``clips``: what is counted per recording and class.
* ``matching``: which detected event stands for which reference event.
* ``counts``: the counts of all three, and F, precision, recall and error rate from them.
* ``psds``, ``intersections``: polyphonic sound detection score over all thresholds.
"""
