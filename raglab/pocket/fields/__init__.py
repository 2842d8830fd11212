"""Who set which field: ``metadata.managedFields`` on every write, and server-side apply, which decides by it.

Source: k8s.io/apimachinery/pkg/util/managedfields and sigs.k8s.io/structured-merge-diff, which a real API server uses.
"""
