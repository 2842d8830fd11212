{{- define "grafana.name" -}}
{{ printf "%s-grafana" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "grafana.selector" -}}
app.kubernetes.io/name: grafana
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "grafana.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "grafana.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The given password, else the one in the Secret of the installation before, else a new one. */}}
{{- define "grafana.password" -}}
{{- $kept := dig "data" "admin-password" "" (lookup "v1" "Secret" .Release.Namespace (include "grafana.name" .)) }}
{{- default (ternary (randAlphaNum 24) (b64dec $kept) (empty $kept)) .Values.adminPassword }}
{{- end }}
