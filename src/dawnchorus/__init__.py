"""dawnchorus: from bird recordings and labels to trained ensembles, scores and submissions.

Nothing is imported here: the Snakefile imports parts of this package on every dry run.
"""
