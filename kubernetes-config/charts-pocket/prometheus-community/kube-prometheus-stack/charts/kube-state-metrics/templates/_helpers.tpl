{{- define "ksm.name" -}}
{{ printf "%s-kube-state-metrics" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ksm.selector" -}}
app.kubernetes.io/name: kube-state-metrics
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ksm.meta" -}}
name: {{ include "ksm.name" . }}
labels:
  helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
  {{- include "ksm.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/component: metrics
  app.kubernetes.io/managed-by: {{ .Release.Service }}
  release: {{ .Release.Name | quote }}
{{- end }}
