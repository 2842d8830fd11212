{{/*
The components have fixed names, because requests, dashboards and autoscalers refer to them: install this
chart once per namespace. The label helpers take a dict with `root` (the chart's scope) and `name`.
*/}}

{{/* Labels that identify the pods of a component. They are immutable, so versions do not belong here. */}}
{{- define "rag-app.selectorLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Labels of a component's pods. `values` is the component's block of values.yaml. */}}
{{- define "rag-app.podLabels" -}}
{{ include "rag-app.selectorLabels" . }}
app.kubernetes.io/version: {{ .values.image.tag | trunc 63 | quote }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: rag
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* Labels of a component's other objects. */}}
{{- define "rag-app.labels" -}}
{{ include "rag-app.podLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Name of the Secret with the keys username and password. */}}
{{- define "rag-app.databaseSecret" -}}
{{ .Values.pgvector.auth.existingSecret | default "pgvector" }}
{{- end }}

{{/* The database's connection settings, as both the server's image and its clients read them. */}}
{{- define "rag-app.databaseEnv" -}}
- name: POSTGRES_DB
  value: {{ .Values.pgvector.auth.database | quote }}
{{- range $name, $key := dict "POSTGRES_USER" "username" "POSTGRES_PASSWORD" "password" }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "rag-app.databaseSecret" $ }}
      key: {{ $key }}
{{- end }}
{{- end }}

{{/* What the pod specs of all components share. Arguments: root, values. */}}
{{- define "rag-app.podSettings" -}}
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The query-router's resources with its GPUs added to the limits. */}}
{{- define "rag-app.queryRouterResources" -}}
{{- $resources := deepCopy .Values.queryRouter.resources }}
{{- if gt (int .Values.queryRouter.numGpus) 0 }}
{{- $_ := set $resources "limits" (merge (dict "nvidia.com/gpu" (int .Values.queryRouter.numGpus)) ($resources.limits | default dict)) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}
