{{- define "adapter.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name where it says what this is, else both names. */}}
{{- define "adapter.fullname" -}}
{{- $name := include "adapter.name" . }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $both .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "adapter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "adapter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "adapter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: {{ include "adapter.name" . }}
{{ include "adapter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "adapter.serviceAccount" -}}
{{ default (ternary (include "adapter.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{/* Arguments: the root context and the API group that the adapter's Service answers. */}}
{{- define "adapter.apiService" -}}
{{- $root := index . 0 }}{{ $group := index . 1 -}}
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: v1beta1.{{ $group }}
  labels:
    {{- include "adapter.labels" $root | nindent 4 }}
spec:
  group: {{ $group }}
  version: v1beta1
  service:
    name: {{ include "adapter.fullname" $root }}
    namespace: {{ $root.Release.Namespace }}
    port: {{ $root.Values.service.port }}
  # The adapter signs its certificate itself.
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
{{- end }}

{{/* Arguments: the root context, the binding's name after the chart's, and the ClusterRole. */}}
{{- define "adapter.binding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "adapter.name" $root }}-{{ index . 1 }}
  labels:
    {{- include "adapter.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "adapter.serviceAccount" $root }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
