"""The user's folder: jobs, progress, the worker's state, and the verbs of every front end. Needs no torch."""
