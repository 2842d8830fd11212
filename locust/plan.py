"""How many users there are when: the text of LOAD_STAGES, and its meaning at a moment. Plain arithmetic."""

from typing import NamedTuple


class Stage(NamedTuple):
    """`seconds` with `users` users, reached by starting or stopping `rate` of them a second."""

    seconds: float
    users: int
    rate: float


def parse(text: str) -> list[Stage]:
    """``60:5,120:40:10``: 60 s with 5 users, then 120 s with 40 users, 10 more a second.

    Without a rate all come at once. Raises ValueError naming the stage that cannot be read.
    """
    return [_stage(part.strip()) for part in text.split(",") if part.strip()]


def _stage(text: str) -> Stage:
    parts = text.split(":")
    try:
        seconds, users = float(parts[0]), int(parts[1])
        rate = float(parts[2]) if len(parts) == 3 else float(max(users, 1))
    except (ValueError, IndexError):
        raise ValueError(f"stage {text!r} is not SECONDS:USERS or SECONDS:USERS:RATE") from None
    if len(parts) > 3 or seconds <= 0 or users < 0 or rate <= 0:
        raise ValueError(f"stage {text!r} needs positive seconds and rate, and no negative users")
    return Stage(seconds, users, rate)


def at(stages: list[Stage], seconds: float) -> tuple[int, float] | None:
    """Users and rate `seconds` after the start; None once all stages are over."""
    end = 0.0
    for stage in stages:
        end += stage.seconds
        if seconds < end:
            return stage.users, stage.rate
    return None
