"""Planted mistakes by which something that was learned or painted would be lost."""

from __future__ import annotations

from tests.mutants.mutant import planted

MUTANTS = [
    planted(
        "a new job table numbers over the pictures that are there",
        "studio/workspace/jobs.py",
        "self.last_number(), *folders",
        "*folders",
        "workspace/test_job_table.py",
        severe=True,
    ),
    planted(
        "what a discarded training had kept to go on from stays",
        "studio/workspace/jobs.py",
        'if status == "stopped" or row["status"] == "paused":',
        "if False:",
        "workspace/test_interrupted.py",
    ),
    planted(
        "further training that is discarded forgets what was learned before",
        "studio/workspace/jobs.py",
        'return "done" if job is not None and job.has_learned else "stopped"',
        'return "stopped"',
        "workspace/test_interrupted.py",
    ),
    planted(
        "a name that is being learned is given to another concept",
        "studio/concepts/concept_library.py",
        "if handle in self.coming():",
        "if False:",
        "workspace/test_interrupted.py",
        severe=True,
    ),
    planted(
        "a training writes over a concept that has its name by now",
        "studio/worker/recording.py",
        "if path.exists() and not is_made_by(",
        "if False and not is_made_by(",
        "end_to_end/test_worker_tasks.py",
        severe=True,
    ),
    planted(
        "Ctrl-C in the terminal ends the worker before it keeps its work",
        "studio/workspace/supervisor.py",
        "if signal.getsignal(number) != signal.SIG_IGN:",
        "if False:",
        "workspace/test_supervisor.py",
        severe=True,
    ),
]
