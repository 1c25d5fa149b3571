"""Planted mistakes in drafts, stars and former names, in the crew of workers, and in shared trainings."""

from __future__ import annotations

from tests.mutants.mutant import planted

DRAFTS = "studio/workspace/drafts.py"
DRAFTED = ("workspace/test_drafts.py", "ui/test_drafts.py")
NAMES = "studio/workspace/former_names.py"
NAMED = ("workspace/test_former_names.py", "workspace/test_renaming.py")
STARS = "studio/workspace/stars.py"
KEPT = "studio/workspace/kept_file.py"
STARRED = ("workspace/test_stars.py",)
JOBS = "studio/workspace/jobs.py"
CREW = ("workspace/test_crew.py", "workspace/test_job_table.py")
PROCESSES = "trainers/kit/processes.py"
SHARED = ("trainers/test_processes.py",)
PLAIN = ("trainers/test_plain.py",)
EVENNESS = "studio/evaluation/evenness.py"
EVEN = ("evaluation/test_evenness.py",)

MUTANTS = [
    planted(
        "any text is the id of a browser, a path too",
        DRAFTS,
        "return ID.fullmatch(text) is not None",
        'return text != ""',
        *DRAFTED,
        severe=True,
    ),
    planted(
        "a draft forgets its photos when the form changes",
        DRAFTS,
        "kept = (before.photos, before.swap) if photos is None else",
        "kept = ((), None) if photos is None else",
        *DRAFTED,
        severe=True,
    ),
    planted(
        "a draft forgets its form when the photos change",
        DRAFTS,
        "before.form if form is None else dict(form)",
        "{} if form is None else dict(form)",
        *DRAFTED,
        severe=True,
    ),
    planted(
        "old drafts are never deleted", DRAFTS, "number >= MAX_DRAFTS or changed <", "changed > 0 >", *DRAFTED
    ),
    planted(
        "a picture is written under the name of another",
        DRAFTS,
        "if known is None or known[0]() is not picture:",
        "if known is None:",
        *DRAFTED,
        severe=True,
    ),
    planted(
        "masks of a draft go to another subject",
        DRAFTS,
        "masks = dict(zip(map(str, photo.masks), files[1:], strict=True))",
        "masks = dict(zip(map(str, sorted(photo.masks, reverse=True)), files[1:], strict=True))",
        *DRAFTED,
        severe=True,
    ),
    planted(
        "a renamed concept takes the place of another of the same recipe",
        NAMES,
        "if it[0] not in staying",
        "if it",
        *NAMED,
        severe=True,
    ),
    planted(
        "a concept that was named back is still looked for under its other name",
        NAMES,
        "if one.before not in (now.before, now.after)",
        "if one",
        *NAMED,
    ),
    planted(
        "only the last renaming is followed",
        NAMES,
        "for _ in range(len(steps)):",
        "for _ in range(1):",
        *NAMED,
    ),
    planted(
        "a damaged list of stars is written over",
        KEPT,
        "if self.trouble is not None and self._state():",
        "if False:",
        *STARRED,
        severe=True,
    ),
    planted("a star cannot be taken back", STARS, "before.difference(names)", "before", *STARRED),
    planted(
        "stars that another process gave are not seen",
        KEPT,
        "if state != self._known:",
        "if not self._value:",
        *STARRED,
    ),
    planted(
        "a worker that died takes the jobs of the others with it",
        JOBS,
        'if worker is None else (" and worker = ?", (worker,))',
        'if True else (" and worker = ?", (worker,))',
        *CREW,
        severe=True,
    ),
    planted(
        "a job does not say who runs it",
        JOBS,
        "(time.time(), worker, row",
        "(time.time(), 0, row",
        *CREW,
        severe=True,
    ),
    planted(
        "a training is held up for pictures though another worker is idle",
        "studio/worker/worker.py",
        'one.state == "ready" for number',
        "False for number",
        *CREW,
        "end_to_end/test_worker.py",
    ),
    planted(
        "processes with fewer photos count as much",
        PROCESSES,
        "return self.count * (share.stop - share.start) / count",
        "return 1.0",
        *SHARED,
    ),
    planted(
        "processes move words that none of them named",
        PROCESSES,
        "            if not has_one:\n                continue\n",
        "",
        *SHARED,
    ),
    planted(
        "a process sees the first photos, not its own",
        PROCESSES,
        "first = self.index * each + min(self.index, more)",
        "first = 0",
        *SHARED,
        severe=True,
    ),
    planted(
        "only the process that was told stops",
        PROCESSES,
        "(wish := int(self.most(self._wish)[0]))",
        "(wish := self._wish)",
        *SHARED,
    ),
    planted(
        "a plain base still keeps what layers made of the prompt",
        "studio/generation/sampling.py",
        "nullcontext if backbone.is_plain else cached",
        "nullcontext if False else cached",
        *PLAIN,
    ),
    planted(
        "photos and class pictures change places on a plain base",
        "trainers/kit/losses.py",
        "for part in reversed(parts)][::-1]",
        "for part in reversed(parts)]",
        *PLAIN,
    ),
    planted(
        "recorded attention is that of the class pictures on a plain base",
        "trainers/kit/losses.py",
        "for part in reversed(parts)][::-1]",
        "for part in parts]",
        *PLAIN,
    ),
    planted(
        "a low-rank path that is added in one call is not masked",
        "studio/edits/kinds/low_rank.py",
        "inner = masked_rows(layer, arguments[0])",
        "inner = project(layer, A, arguments[0])",
        "generation/test_regions_mode.py",
    ),
    planted(
        "a photo is recognised by itself",
        EVENNESS,
        "(len(own) * likeness[:, number] - 1) / (len(own) - 1)",
        "likeness[:, number]",
        *EVEN,
    ),
    planted(
        "a picture counts as the category that it is least like",
        EVENNESS,
        "seen = likeness.argmax(1)",
        "seen = likeness.argmin(1)",
        *EVEN,
    ),
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
        "if before is not None and not is_made_by(",
        "if False and not is_made_by(",
        "end_to_end/test_worker_tasks.py",
        severe=True,
    ),
    planted(
        "Ctrl-C in the terminal ends the worker before it keeps its work",
        "studio/stop_signals.py",
        "if number is not None and signal.getsignal(number) != signal.SIG_IGN:",
        "if False:",
        "workspace/test_supervisor.py",
        severe=True,
    ),
]
