"""The error that a user reads."""


class StudioError(Exception):
    """An error that the user can correct: what happened, and what to do about it.

    Every other exception is a fault of the program; it ends a job as failed and its traceback goes to
    the job's log, never to the page.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
