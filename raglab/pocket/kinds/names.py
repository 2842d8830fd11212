"""What names, labels and keys may look like, and what an API server says when they do not.

Patterns: RFC 1123 and RFC 1035 names, IANA service names, and Kubernetes' qualified names
(``k8s.io/apimachinery/pkg/util/validation``). Every checker returns the complaints, none if the value is fine.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes

Checker = Callable[[str], list[str]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_RFC_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ENDS = "and must start and end with an alphanumeric character"
_LABEL_RULE = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}"
_SUBDOMAIN_RULE = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}"
)
_RFC_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_PART_RULE = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_KEY_RULE = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_ANNOTATION_BYTES = 256 * 1024


def _example(rule: str, pattern: str, *examples: str) -> str:
    shown = ",  or ".join(f"'{item}'" for item in examples)
    return f"{rule} (e.g. {shown}, regex used for validation is '{pattern}')"


def _checked(text: str, pattern: str, most: int, complaint: str) -> list[str]:
    found = [f"must be no more than {most} bytes"] if len(text.encode()) > most else []
    return found if re.fullmatch(pattern, text) else [*found, complaint]


def label(text: str) -> list[str]:
    """One part of a DNS name: namespaces, containers, volumes."""
    return _checked(text, _LABEL, 63, _example(_LABEL_RULE, _LABEL, "my-name", "123-abc"))


def subdomain(text: str) -> list[str]:
    """A DNS name: most objects."""
    return _checked(text, _SUBDOMAIN, 253, _example(_SUBDOMAIN_RULE, _SUBDOMAIN, "example.com"))


def service(text: str) -> list[str]:
    """Services: they become names in the environment, so they begin with a letter."""
    return _checked(text, _RFC_1035, 63, _example(_RFC_1035_RULE, _RFC_1035, "my-name", "abc-123"))


def path_segment(text: str) -> list[str]:
    """Roles and bindings: anything that fits into a URL path."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in text]


def config_key(text: str) -> list[str]:
    """Keys of ConfigMaps and Secrets: they may become file names."""
    complaints = _checked(
        text, _CONFIG_KEY, 253, _example(_KEY_RULE, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name")
    )
    if text == ".":
        return [*complaints, "must not be '.'"]
    if text == "..":
        return [*complaints, "must not be '..'"]
    return [*complaints, "must not start with '..'"] if text.startswith("..") else complaints


def port_name(text: str) -> list[str]:
    """IANA service names (RFC 6335)."""
    rules = {
        "must be no more than 15 characters": len(text) <= 15,
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)": re.fullmatch(
            "[-a-z0-9]+", text
        ),
        "must contain at least one letter (a-z)": re.search("[a-z]", text),
        "must not contain consecutive hyphens": "--" not in text,
        "must not begin or end with a hyphen": text and text[0] != "-" and text[-1] != "-",
    }
    return [complaint for complaint, kept in rules.items() if not kept]


def qualified(text: str) -> list[str]:
    """Keys of labels and annotations, names of resources: ``example.com/name`` or ``name``."""
    prefix, slash, name = text.rpartition("/")
    complaints = []
    if "/" in prefix:
        rule = f"a qualified name {_PART_RULE}"
        tail = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [_example(rule, _QUALIFIED, "MyName", "my.name", "123-abc") + tail]
    if slash:
        complaints = [
            f"prefix part {item}" for item in (subdomain(prefix) if prefix else ["must be non-empty"])
        ]
    if not name:
        complaints.append("name part must be non-empty")
    elif len(name) > 63:
        complaints.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_QUALIFIED, name):
        complaints.append(_example(f"name part {_PART_RULE}", _QUALIFIED, "MyName", "my.name", "123-abc"))
    return complaints


def label_value(text: str) -> list[str]:
    """Values of labels."""
    return _checked(text, _VALUE, 63, _example(_VALUE_RULE, _VALUE, "MyValue", "my_value", "12345"))


def check(causes: Causes, field: str, text: str, checker: Checker) -> None:
    """Add every complaint of `checker` about `text`."""
    for complaint in checker(text):
        causes.invalid(field, text, complaint)


def check_labels(causes: Causes, field: str, labels: dict[str, str] | None) -> None:
    """Keys and values of a map of labels."""
    for key, value in (labels or {}).items():
        check(causes, field, key, qualified)
        check(causes, field, value, label_value)


def check_annotations(causes: Causes, field: str, annotations: dict[str, str] | None) -> None:
    """Keys of annotations, and how large all of them may be together."""
    given = annotations or {}
    for key in given:
        check(causes, field, key.lower(), qualified)
    if sum(len(key.encode()) + len(value.encode()) for key, value in given.items()) > _ANNOTATION_BYTES:
        causes.too_long(field, _ANNOTATION_BYTES)


def check_selector(causes: Causes, field: str, selector: Object) -> None:
    """A ``LabelSelector``."""
    check_labels(causes, f"{field}.matchLabels", selector.get("matchLabels"))
    for index, rule in enumerate(selector.get("matchExpressions") or ()):
        at, operator, values = f"{field}.matchExpressions[{index}]", rule.get("operator"), rule.get("values")
        if operator in ("In", "NotIn"):
            if not values:
                causes.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                causes.forbidden(
                    f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
        else:
            causes.invalid(f"{at}.operator", operator, "not a valid selector operator")
        check(causes, f"{at}.key", rule.get("key", ""), qualified)
