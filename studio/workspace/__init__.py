"""The user's folder, and the verbs of every front end. Needs no torch.

    workspace: the folder with everything a person makes, and what can be done with it

Jobs:
    job_table, jobs: the table of all jobs, shared by page, command line and worker
    job, job_log, job_reader: one job, the events that it has logged, and both read from disk
    training, training_task, import_task, painting: what is asked for, checked, on its way to the queue
    going_on, interrupted: a job that was paused, has ended, or whose worker died
    progress, training_time: how far a job is, and how long one will take
    full_disk, unsaved: what is done when there is no room

Workers:
    supervisor, crew: one worker kept alive, and one for each device
    worker_state: what each is doing
    base_choice, base_defaults, catalogue: the base they work with, and what the page knows of it

Concepts:
    own_concept, training_photos, checkpoints: what a training made, and of which photos
    concept_marks, concept_search: stars, notes and covers; which concepts are shown
    former_names, renaming: names that a concept had, and giving it another

Pictures:
    pictures, picture_summary, picture_search: the folder of pictures, what is kept of each, which are shown
    picture_archive: several of them in one file
    stars, kept_file: the starred ones

What a person fills in:
    drafts, draft_document: not used yet, kept for each browser
    presets, effort: settings under a name, and one choice in place of all
    favourite_prompts: prompts to use again
    mask_request: the mask of what was clicked on
    trash: what was deleted, and can be brought back
"""
