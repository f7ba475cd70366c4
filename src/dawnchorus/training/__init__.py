"""Training a member of a stage: fit with a schedule, resume, and a history.

* ``parts``: which windows a member trains on, and by which it is watched.
* ``batches``: windows and targets of a step, a function of (seed, stage, member, epoch, step).
* ``beginning``: a model before its first step, by ``standardising`` and ``pretrained``, and its
  teachers.
* ``teaching``: targets that earlier models give.
* ``optimizers``, ``schedules``: the optimiser and its learning rate.
* ``validation``, ``choosing``: figures of an epoch, and the epochs that are kept by them.
* ``checkpoints``: all that a killed training needs to go on to the same weights.
* ``fitting``: the loop, and `fitting.train_member`, which a rule's script calls.
* ``saving``: files of weights whose bytes depend on the weights alone.
"""
