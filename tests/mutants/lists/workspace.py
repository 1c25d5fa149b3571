"""Planted mistakes in the workspace, the job table, the supervisor and the worker."""

from __future__ import annotations

from tests.mutants.mutant import planted

JOBS = "studio/workspace/jobs.py"
QUEUE = ("workspace/test_workspace.py", "workspace/test_damaged_jobs.py")
SUPERVISOR = "studio/workspace/supervisor.py"
WATCHED = ("workspace/test_workspace.py",)
W = "end_to_end/test_worker.py"
WORKER = (
    f"{W}::test_a_training_leaves_a_concept_and_its_story",
    f"{W}::test_a_training_stops_when_asked",
    f"{W}::test_a_picture_is_painted_between_two_training_steps",
)
MUTANTS = [
    planted(
        "no write lock is taken before a job is claimed",
        "studio/workspace/job_table.py",
        '"begin immediate"',
        '"begin"',
        *QUEUE,
        severe=True,
    ),
    planted(
        "a job that failed is done after all",
        JOBS,
        "{change} where id = ? and status = 'running'\", row",
        '{change} where id = ?", row',
        *QUEUE,
        "workspace/test_queue.py",
    ),
    planted(
        "a job that runs can be deleted",
        JOBS,
        "where id = ? and status != 'running'\"",
        'where id = ?"',
        *QUEUE,
        "workspace/test_queue.py",
        severe=True,
    ),
    planted(
        "a running job cannot be stopped",
        JOBS,
        "where id = ? and status = 'running'\"\n        stop",
        "where id = ? and status = 'queued'\"\n        stop",
        *QUEUE,
        "workspace/test_queue.py",
    ),
    planted(
        "a job that was requeued stops at once",
        JOBS,
        "status = 'queued', stop_request = '',",
        "status = 'queued',",
        *QUEUE,
        "end_to_end/test_comparing.py::test_a_stopped_grid_goes_on_and_paints_nothing_twice",
        "workspace/test_queue.py",
    ),
    planted(
        "a base that was refused is tried again",
        SUPERVISOR,
        "if self.process.returncode == BASE_REFUSED:",
        "if False:",
        *WATCHED,
        "workspace/test_supervisor.py",
    ),
    planted(
        "previews ignore the steps and guidance of the base",
        "studio/worker.py",
        'seed=task["seed"], steps=defaults.steps, guidance=defaults.guidance',
        'seed=task["seed"]',
        *WORKER,
        "end_to_end/test_worker_tasks.py",
    ),
    planted(
        "a queued training ignores its seed",
        "studio/worker.py",
        'seed=task["seed"], steps',
        "seed=0, steps",
        *WORKER,
        "end_to_end/test_worker_tasks.py",
        severe=True,
    ),
    planted(
        "the worker does not look for a free block",
        "studio/worker.py",
        'method.resolve_settings(task["settings"], self.workspace.other_settings())',
        'task["settings"]',
        *WORKER,
        "end_to_end/test_worker_tasks.py",
    ),
    planted(
        "no picture is painted during a training",
        "studio/worker.py",
        '"train": ("mask", "create"),',
        '"train": ("mask",),',
        *WORKER,
    ),
    planted(
        "stop and discard keeps what was learned",
        "studio/worker.py",
        'if request == "discard":',
        'if request == "never":',
        *WORKER,
    ),
    planted(
        "a retried picture has another recipe",
        "studio/workspace/workspace.py",
        "return self.create(Recipe.from_json(job.task))",
        'return self.create(Recipe(job.task["prompt"]))',
        *QUEUE,
        "workspace/test_queue.py",
    ),
    planted(
        "a queued recipe loses its regions",
        "studio/workspace/painting.py",
        "regions={handle: recipe.regions[handle] for handle in handles if handle in recipe.regions}",
        "regions={}",
        *QUEUE,
        "workspace/test_queue.py",
    ),
    planted(
        "a queued recipe loses its knobs",
        "studio/workspace/painting.py",
        "knobs={handle: recipe.knobs[handle] for handle in handles if recipe.knobs.get(handle)}",
        "knobs={}",
        *QUEUE,
        "workspace/test_queue.py",
    ),
    planted(
        "another base is not warned of",
        "studio/workspace/painting.py",
        "Path(recipe.base).name != Path(base).name",
        "not base",
        "recipes/test_png.py",
    ),
    planted(
        "the time left is that of all steps",
        "studio/workspace/progress.py",
        "(last.steps - last.step) / rate",
        "last.steps / rate",
        *QUEUE,
    ),
    planted(
        "settings are queued unchecked",
        "studio/workspace/training.py",
        '"settings": method.parse(settings)',
        '"settings": settings',
        *QUEUE,
        "workspace/test_queue.py",
    ),
    planted(
        "every training is queued with seed 0",
        "studio/workspace/training.py",
        '"seed": seed,',
        '"seed": 0,',
        *QUEUE,
        "workspace/test_queue.py",
        severe=True,
    ),
    planted(
        "photos of another training are taken for a concept's",
        "studio/workspace/training_photos.py",
        'job.status == "done" and is_same and',
        'job.status == "done" and',
        "recipes/test_grid.py",
        "end_to_end/test_comparing.py::test_the_bases_judge_compares_with_the_photos_that_were_trained_on",
    ),
]
