"""Broken rules in the wording of ``k8s.io/apimachinery/pkg/util/validation/field``: reason, field, message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

Cause = tuple[str, str, str]
_PERCENT_RULE = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def quoted(value: Any) -> str:
    """A value as messages show it: as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Causes(list[Cause]):
    """A list of causes, with one method per kind of mistake."""

    def required(self, field: str, detail: str = "") -> None:
        """A value is missing."""
        self.append(("FieldValueRequired", field, _text("Required value", detail)))

    def invalid(self, field: str, value: Any, detail: str) -> None:
        """A value breaks a rule."""
        self.append(("FieldValueInvalid", field, _text(f"Invalid value: {quoted(value)}", detail)))

    def forbidden(self, field: str, detail: str) -> None:
        """A value may not be given here, or not be changed."""
        self.append(("FieldValueForbidden", field, _text("Forbidden", detail)))

    def unsupported(self, field: str, value: Any, valid: Iterable[str]) -> None:
        """A value is not in the list."""
        listed = ", ".join(quoted(item) for item in sorted(valid))
        text = _text(f"Unsupported value: {quoted(value)}", f"supported values: {listed}")
        self.append(("FieldValueNotSupported", field, text))

    def not_found(self, field: str, value: Any) -> None:
        """A value refers to nothing."""
        self.append(("FieldValueNotFound", field, f"Not found: {quoted(value)}"))

    def duplicate(self, field: str, value: Any) -> None:
        """A value must be unique and is not."""
        self.append(("FieldValueDuplicate", field, f"Duplicate value: {quoted(value)}"))

    def too_long(self, field: str, most: int) -> None:
        """A value has more than `most` bytes."""
        self.append(("FieldValueTooLong", field, f"Too long: may not be more than {most} bytes"))

    def one_of(self, field: str, value: Any, valid: Iterable[str]) -> None:
        """`value`, if given, must be one of `valid`."""
        if value and value not in valid:
            self.unsupported(field, value, valid)

    def not_negative(self, field: str, value: int | None) -> None:
        """`value`, if given, must not be below zero."""
        if value is not None and value < 0:
            self.invalid(field, value, "must be greater than or equal to 0")

    def share(self, field: str, value: int | str | None, most: int | None = 100) -> None:
        """A number of pods, or a percentage of them that is not above `most`."""
        if not isinstance(value, str):
            self.not_negative(field, value)
        elif not re.fullmatch("[0-9]{1,18}%", value):
            self.invalid(field, value, _PERCENT_RULE)
        elif most is not None and int(value[:-1]) > most:
            self.invalid(field, value, f"must not be greater than {most}%")


def _text(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head
