"""Detected events: from frame scores of ensembles to decodings, events and what they are worth.

* ``judged``: the recordings of a reference whose events are known.
* ``decoders``: the settings of the decodings of an ensemble, as given or chosen.
* ``choosing``, ``tallying``: how settings are chosen; event-based F of many of them.
* ``detecting``: frame scores to events, and their files.
* ``figures``, ``framing``, ``measuring``, ``reachable``: what events, scores and their bounds are worth.
* ``evaluation``, ``report``: all of it, as a file and as a screen.
"""
