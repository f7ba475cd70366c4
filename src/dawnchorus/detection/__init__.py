"""Detected events: from frame scores of ensembles to decodings, events and what they are worth.

* ``judged``: the recordings of a reference whose events are known.
* ``decoders``: the settings of the decodings of an ensemble, as given or chosen.
* ``tallying``: event-based F of many settings of a decoder at once.
* ``detecting``: frame scores to events, and their files.
* ``figures``, ``framing``, ``evaluation``, ``report``: how good the events are.
"""
