"""Rule files, templates, selectors, quantities and options, each by itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.services.addons.metrics_adapter import options, selectors
from raglab.services.addons.metrics_adapter.config import ConfigError, load
from raglab.services.addons.metrics_adapter.resources import GroupResource, Labels, Resources
from raglab.services.addons.metrics_adapter.rules import Rule
from raglab.services.addons.metrics_adapter.templates import Template
from raglab.services.addons.metrics_adapter.values import quantity

from .world import CATALOGUE, config

FIELDS = frozenset({"Series", "GroupBySlice", "LabelValuesByName"})
PODS, NAMESPACES = GroupResource("pods"), GroupResource("namespaces")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (37.5, "37500m"),
        (45, "45"),
        (0, "0"),
        (0.0004, "0"),
        (0.29, "290m"),
        (-1.5, "-1500m"),
        (1000, "1k"),
        (1500, "1500"),
        (2_000_000, "2M"),
        (90.5, "90500m"),
        (math.inf, "-9223372036854775808m"),
        (math.nan, "-9223372036854775808m"),
    ],
)
def test_quantities(value, text):
    assert quantity(value) == text


@given(st.integers(-(10**12), 10**12))
def test_a_quantity_reads_back_as_the_number(number):
    """By the notation's definition, not by our own code."""
    text = quantity(float(number))
    suffix = text.lstrip("-0123456789")
    factor = {"m": 0.001, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[suffix]
    assert float(text.removesuffix(suffix)) * factor == number


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("sum(<<.Series>>)", "sum(up)"),
        ("a <<- .Series ->> b", "aupb"),
        ('<<index .LabelValuesByName "pod">>', "a|b"),
        ('<<index .LabelValuesByName "other">>', ""),
        ("<<.LabelValuesByName.other>>", "<no value>"),
        ("<<index .GroupBySlice 0>>", "pod"),
        ("<< .GroupBySlice >>", "[pod]"),
        ("<<.LabelValuesByName>>", "map[pod:a|b]"),
    ],
)
def test_templates(text, rendered):
    values = {"Series": "up", "GroupBySlice": ["pod"], "LabelValuesByName": {"pod": "a|b"}}
    assert Template(text, FIELDS).render(values) == rendered


@pytest.mark.parametrize(
    "text", ["<<.Serie>>", "<<range .GroupBySlice>>", "<<if .Series>>", "<<>>", "<<.Series->>"]
)
def test_templates_that_cannot_work_are_refused(text):
    with pytest.raises(ConfigError, match="template"):
        Template(text, FIELDS)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("", []),
        ("b=1,a==2", ['a="2"', 'b="1"']),
        ("a!=x", ['a!="x"']),
        ("a in (y, x),b notin (z)", ['a=~"x|y"', 'b!~"z"']),
        ("a,!b", ['a!=""', 'b=""']),
        ('a=x"y', ['a="x\\"y"']),
    ],
)
def test_selectors_become_matchers(text, matchers):
    assert [item.matcher() for item in selectors.parse(text)] == matchers


@pytest.mark.parametrize("text", ["a=b=c", "a in b", "=x", "a in (x"])
def test_bad_selectors_are_refused(text):
    with pytest.raises(selectors.SelectorError):
        selectors.parse(text)


def test_orders_cannot_be_asked_of_prometheus():
    (item,) = selectors.parse("a>1")
    with pytest.raises(selectors.SelectorError, match="not supported by prometheus"):
        item.matcher()


def labels(template: str = "", **overrides: str) -> Labels:
    targets = {label: {"resource": name} for label, name in overrides.items()}
    return Labels.from_config(Resources(template=template, overrides=targets), CATALOGUE)


def test_a_template_maps_the_labels_that_are_kinds():
    found, namespaced = labels("<<.Resource>>").of_series(["pod", "namespace", "instance", "kubernetes_node"])
    assert (found, namespaced) == ([PODS, NAMESPACES], True)
    assert labels("<<.Resource>>").of_series(["namespace", "instance"]) == ([NAMESPACES], False)


def test_the_job_label_of_prometheus_is_taken_for_a_job():
    """A curiosity of the default rules that learners meet in the discovery list."""
    assert labels("<<.Resource>>").of_series(["job"]) == ([GroupResource("jobs", "batch")], True)


def test_a_template_with_prefix_and_group():
    kube = labels("kube_<<.Group>>_<<.Resource>>")
    assert kube.of_series(["kube_apps_deployment"])[0] == [GroupResource("deployments", "apps")]
    assert kube.label_for(GroupResource("deployments", "apps")) == "kube_apps_deployment"


def test_overrides_name_kinds_in_singular_or_plural_and_beat_the_template():
    mixed = labels("<<.Resource>>", kubernetes_pod="pod", ns="namespaces")
    assert mixed.of_series(["kubernetes_pod", "ns"])[0] == [PODS, NAMESPACES]
    assert mixed.label_for(PODS) == "kubernetes_pod"
    assert labels(pod="pods").of_series(["pod", "instance"]) == ([PODS], True)


def test_a_kind_without_label_is_an_error_only_when_asked():
    with pytest.raises(LookupError, match="unable to convert resource pods into label"):
        labels(ns="namespace").label_for(PODS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rules: [{seriesQuerry: x}]", "seriesQuerry"),
        ("rules: [{seriesQuery: x, seriesFilters: [{is: a, isNot: b}]}]", "not both"),
        ("rules: [{seriesQuery: x, seriesFilters: [{is: '('}]}]", "unable to compile"),
        ("rules: [{seriesQuery: x, name: {matches: '(a)(b)'}}]", "must specify an 'as' value"),
        ("rules: [{seriesQuery: x, resources: {overrides: {a: {resource: blurb}}}}]", "no resource 'blurb'"),
        ("rules: [{seriesQuery: x, resources: {template: pod}}]", "must contain <<.Resource>>"),
        ("resourceRules: {cpu: {}}", "resourceRules"),
        ("rules: [", "unable to parse"),
        ("rules: 3", "rules"),
    ],
)
def test_bad_rule_files_say_what_is_wrong(tmp_path, text, complaint):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        [Rule.from_config(rule, CATALOGUE) for rule in load(file).rules]


@pytest.mark.parametrize(
    ("naming", "series", "metric"),
    [
        ("{}", "http_requests", "http_requests"),
        ("{matches: '^(.*)_total$'}", "http_requests_total", "http_requests"),
        (
            "{matches: '^(.*)_total$', as: '${1}_per_second'}",
            "http_requests_total",
            "http_requests_per_second",
        ),
        ("{matches: '^(?P<stem>.*)_total$', as: '$stem'}", "a_total", "a"),
        ("{matches: '^(.*)_total$', as: '$1_x'}", "a_total", ""),
        ("{matches: '', as: my_metric}", "other", "my_metric"),
    ],
)
def test_names(naming, series, metric):
    (written,) = config(f"rules: [{{seriesQuery: x, name: {naming}}}]").rules
    assert Rule.from_config(written, CATALOGUE).metric(series) == metric


def test_options_as_the_chart_gives_them():
    given = options.read(
        [
            "/adapter",
            "--secure-port=6443",
            "--cert-dir=/tmp/cert",
            "--prometheus-url=http://prom.monitoring.svc:9090/x",
            "--metrics-relist-interval=1m30s",
            "--v=4",
            "--config=/etc/adapter/config.yaml",
        ]
    )
    assert (given.relist_interval, given.max_age, given.port) == (90.0, 90.0, 6443)
    assert str(given.certificate) == "/tmp/cert/apiserver.crt"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "use --config"),
        (["--config=x", "--prometheus-urll=y"], "unable to parse flags"),
        (["--config=x", "--metrics-relist-interval=soon"], "invalid duration"),
        (["--config=x", "--metrics-relist-interval=1m", "--metrics-max-age=30s"], "max age must not be less"),
    ],
)
def test_options_that_cannot_work(arguments, complaint):
    with pytest.raises(options.OptionError, match=complaint):
        options.read(arguments)


def test_the_relist_interval_is_ten_minutes_unless_told():
    assert options.read(["--config=x"]).relist_interval == 600
