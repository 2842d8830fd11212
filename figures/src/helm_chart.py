"""What Helm does with a chart: values in layers, a schema that checks them, templates filled in, a revision kept."""

from __future__ import annotations

from drawing import KUBERNETES, OBJECT, YOURS, Drawing

DESCRIPTION = (
    "On the left the chart, a folder with templates, values.yaml with its defaults, and values.schema.json. Your "
    "values come from files with -f and from single settings with --set. Helm lays them over the chart's, later ones "
    "winning, checks the result against the schema, and fills in the templates. The objects go to the Kubernetes API; "
    "each installation and upgrade is kept as a numbered revision, which helm rollback brings back."
)


def draw() -> Drawing:
    """Chart and values at the left, Helm's three steps in the middle, objects and revisions at the right."""
    d = Drawing(900, 330, "From a chart to running objects", DESCRIPTION)
    d.frame((15, 15), (235, 190), "chart: a folder")
    d.box((30, 45), (205, 42), ["values.yaml", "defaults"], OBJECT)
    d.box((30, 97), (205, 42), ["values.schema.json", "what is allowed"], OBJECT)
    d.box((30, 149), (205, 42), ["templates/", "objects with blanks"], OBJECT)
    d.box((30, 225), (205, 42), ["-f values of the target", "what differs here"], YOURS)
    d.box((30, 275), (205, 42), ["--set name=value", "single settings, last"], YOURS)
    d.frame((330, 15), (235, 302), "helm upgrade --install")
    d.box((345, 45), (205, 56), ["1 · Merge values", "later ones win"], YOURS)
    d.box((345, 145), (205, 56), ["2 · Check", "a typing error ends here"], YOURS)
    d.box((345, 245), (205, 56), ["3 · Fill in templates", "helm template shows it"], YOURS)
    d.arrow([(447, 101), (447, 143)])
    d.arrow([(447, 201), (447, 243)])
    d.arrow([(235, 66), (343, 66)])
    d.arrow([(235, 118), (275, 118), (275, 173), (343, 173)])
    d.arrow([(235, 170), (262, 170), (262, 285), (343, 285)])
    for y in (246, 296):
        d.arrow([(235, y), (295, y), (295, 82), (343, 82)])
    d.box((655, 232), (230, 82), ["Kubernetes API", "StatefulSet, Services …", "kept as objects"], KUBERNETES)
    d.box((655, 60), (230, 82), ["Revisions 1, 2, 3 …", "values and objects of each,", "in a Secret"], OBJECT)
    d.arrow([(550, 273), (653, 273)], "objects")
    d.arrow([(565, 101), (653, 101)], "a record")
    d.arrow([(770, 142), (770, 230)])
    d.text(825, 192, "helm rollback")
    return d
