{{- define "stack.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* The release's name where it says what this is, else both names; 26 characters, because others are appended. */}}
{{- define "stack.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $both .Values.fullnameOverride | trunc 26 | trimSuffix "-" }}
{{- end }}

{{/* Argument: the root context. `release` is the label that the selectors of Prometheus ask for. */}}
{{- define "stack.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.Version | quote }}
app.kubernetes.io/part-of: {{ include "stack.name" . }}
chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
release: {{ .Release.Name | quote }}
heritage: {{ .Release.Service | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Arguments: the root context and a part, such as "prometheus". */}}
{{- define "stack.meta" -}}
{{- $root := index . 0 }}{{ $part := index . 1 -}}
name: {{ include "stack.fullname" $root }}-{{ $part }}
labels:
  app: {{ include "stack.name" $root }}-{{ $part }}
  {{- include "stack.labels" $root | nindent 2 }}
{{- end }}

{{- define "stack.prometheusAccount" -}}
{{ default (ternary (printf "%s-prometheus" (include "stack.fullname" .)) "default" .Values.prometheus.serviceAccount.create) .Values.prometheus.serviceAccount.name }}
{{- end }}

{{/* Arguments: the root context and a kind of object, such as "serviceMonitor". */}}
{{- define "stack.selector" -}}
{{- $root := index . 0 }}{{ $kind := index . 1 }}{{ $spec := $root.Values.prometheus.prometheusSpec -}}
{{- if index $spec (printf "%sSelector" $kind) }}
{{- toYaml (index $spec (printf "%sSelector" $kind)) }}
{{- else if index $spec (printf "%sSelectorNilUsesHelmValues" $kind) -}}
matchLabels:
  release: {{ $root.Release.Name | quote }}
{{- else -}}
{}
{{- end }}
{{- end }}

{{/* Arguments: the root context and a part. A binding of the part's ClusterRole to its account. */}}
{{- define "stack.binding" -}}
{{- $root := index . 0 }}{{ $part := index . 1 }}{{ $account := index . 2 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "stack.meta" (list $root $part) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "stack.fullname" $root }}-{{ $part }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
