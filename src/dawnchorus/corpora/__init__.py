"""Corpora: a path or a recipe becomes recordings with labels, listed before any job runs.

An adapter is a module of this package with ``recordings(settings) -> Found``; it reads what a
person keeps (folders, label files) and knows nothing of shards and digests. `listing` turns what it
found into immutable tables, and `contents` is how every later step reads them.

* ``contents``: the tables of a listed corpus (its readers are also here).
* ``places``: where the recordings of a listing lie, which is in no table.
* ``listing``: `listing.list_corpus`, run by the main process only.
* ``files``: which files of a folder are recordings; content hashes and their cache.
* ``labels``: a label file that a person made, read strictly.
* ``bird_detection``, ``birdclef``, ``birdclef_csv``, ``dcase_sed``, ``folders``, ``synthetic``,
  ``table``: the adapters.
* ``clips``: clips and their events, from weak, strong and unlabelled lists.
* ``sources``: what a table of sources says of folds and groups.
* ``trees``, ``descriptions``: the files of BirdCLEF, and what XML and JSON say of a recording.
* ``selection``: choices by class, and a share of each held out.
* ``soundscapes``, ``syllables``: the sound of the synthetic corpus.

Adapters and `listing` are not imported here, so that their edits leave the readers' rules alone.
"""

from dawnchorus.corpora.contents import (
    Labelled,
    Listed,
    duplicates,
    parse_reference,
    read_index,
    read_label_rows,
    read_labels,
    read_listing,
    read_names,
    select,
    shard_of,
)

__all__ = [
    "Labelled",
    "Listed",
    "duplicates",
    "parse_reference",
    "read_index",
    "read_label_rows",
    "read_labels",
    "read_listing",
    "read_names",
    "select",
    "shard_of",
]
