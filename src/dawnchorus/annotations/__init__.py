"""Event annotations as people and their tools keep them, read and written.

Nothing is guessed and nothing is dropped: what a file cannot mean is refused in one sentence that
names the file and the line. What one of these modules writes, it reads back the same.

* ``contents``: what any of them reads.
* ``dcase``: the TSVs of DCASE task 4: strong, weak, and plain lists.
* ``raven``: selection tables of Raven.
* ``audacity``: label tracks of Audacity.
* ``birdsong_xml``: ``Annotation.xml`` of BirdsongRecognition.
* ``text``: lines, fields and numbers, the same for all.
"""
