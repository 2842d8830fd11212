"""APIServices: what hands a group-version of the API to another server.

Source of the rules: k8s.io/kube-aggregator/pkg/apis/apiregistration/validation.
"""

from __future__ import annotations

import base64

from cryptography import x509

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes


def api_service(causes: Causes, obj: Object) -> None:
    """APIServices, which give a group-version to somebody else to serve."""
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    wanted = f"{spec.get('version', '')}.{spec.get('group', '')}"
    if name != wanted:
        causes.invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"')
    for field, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < spec.get(field, 0) <= most:
            causes.invalid(f"spec.{field}", spec.get(field, 0), f"must be positive and less than {most}")
    service = spec.get("service")
    if service is None:
        if spec.get("insecureSkipTLSVerify") or spec.get("caBundle"):
            causes.invalid("spec.insecureSkipTLSVerify", True, "must be false for local APIServices")
        return
    for field in ("namespace", "name"):
        if not service.get(field):
            causes.required(f"spec.service.{field}")
    if not 0 < service.get("port", 0) < 65536:
        causes.invalid("spec.service.port", service.get("port", 0), "must be between 1 and 65535, inclusive")
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        causes.invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")
    _authority(causes, spec.get("caBundle") or "")


def _authority(causes: Causes, bundle: str) -> None:
    """Checked when it is written, so that it can be used without a second thought."""
    try:
        if bundle:
            x509.load_pem_x509_certificates(base64.b64decode(bundle))
    except ValueError:
        why = "unable to load root certificates: unable to parse bytes as PEM block"
        causes.invalid("spec.caBundle", "<value omitted>", why)
