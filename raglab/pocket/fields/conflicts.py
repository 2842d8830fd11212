"""What an applier is told who wants fields that are others' to have other values."""

from __future__ import annotations

import json
from typing import NamedTuple

from raglab.pocket.errors import StatusError
from raglab.pocket.fields import sets
from raglab.pocket.fields.managers import UPDATE, Identity
from raglab.pocket.fields.sets import Fields


class Claim(NamedTuple):
    """Fields that an applier would change although `owner` owns them."""

    owner: Identity
    fields: Fields


def refusal(claims: list[Claim]) -> StatusError:
    """409 with one cause per field."""
    found = [
        (_name(claim), path)
        for claim in sorted(claims, key=lambda claim: claim.owner)
        for path in sets.paths(claim.fields)
    ]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": path}
        for name, path in found
    ]
    return StatusError(409, "Conflict", _message(found), {"causes": causes})


def _message(found: list[tuple[str, str]]) -> str:
    if len(found) == 1:
        return f"Apply failed with 1 conflict: conflict with {found[0][0]}: {found[0][1]}"
    lines: list[str] = []
    for name in dict.fromkeys(name for name, _ in found):
        lines += [f"conflicts with {name}:", *(f"- {path}" for owner, path in found if owner == name)]
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)


def _name(claim: Claim) -> str:
    """``"kubectl-scale" with subresource "scale" using apps/v1``; appliers go by name alone."""
    owner = claim.owner
    name = json.dumps(owner.name, ensure_ascii=False)
    if owner.subresource:
        name += f" with subresource {json.dumps(owner.subresource)}"
    return f"{name} using {owner.api_version}" if owner.operation == UPDATE else name
