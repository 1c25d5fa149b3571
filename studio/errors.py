"""The error that a user reads."""

from studio.limits import MAX_MESSAGE_LETTERS


def shortened(text: str, letters: int = MAX_MESSAGE_LETTERS) -> str:
    """Return a text that can be shown anywhere: the middle of a long one is left out.

    Half of a character, which file names may hold and no page can show, becomes an escape.
    """
    if len(text) > letters:
        text = f"{text[: letters // 2]} … {text[len(text) - letters // 2 :]}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class StudioError(Exception):
    """An error that the user can correct: what happened, and what to do about it.

    Both may quote what somebody sent, and are shortened. Every other exception is a fault of the program; it
    ends a job as failed and its traceback goes to the job's log, never to the page.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        message = shortened(message)
        super().__init__(message)
        self.message = message
        self.hint = shortened(hint)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
