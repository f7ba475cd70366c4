"""Training a member of a stage: fit with a schedule, resume, and a history.

* ``batches``: windows and targets of a step, a function of (seed, stage, member, epoch, step).
* ``checkpoints``: all that a killed training needs to go on to the same weights.
* ``schedules``: the learning rate.
* ``fitting``: the loop, and `fitting.train_member`, which a rule's script calls.
* ``saving``: a model file whose bytes depend on the model alone.
"""
