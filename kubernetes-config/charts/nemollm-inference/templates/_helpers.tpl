{{/* What this is, in labels: the same for every release of the chart. */}}
{{- define "nim.name" -}}
{{ .Chart.Name }}
{{- end }}

{{/* The name of every object. Fixed by default, because Services, autoscalers and dashboards refer to it. */}}
{{- define "nim.fullname" -}}
{{ .Values.fullnameOverride | default .Chart.Name }}
{{- end }}

{{/* Labels that identify the pods. They are immutable in a StatefulSet, so versions do not belong here. */}}
{{- define "nim.selectorLabels" -}}
app.kubernetes.io/name: {{ include "nim.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of the pods. Without the chart's version: a new chart alone should not restart a model server. */}}
{{- define "nim.podLabels" -}}
{{ include "nim.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/component: inference
app.kubernetes.io/part-of: rag
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels of the other objects. */}}
{{- define "nim.labels" -}}
{{ include "nim.podLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* .Values.resources with the GPU count added to the limits; Kubernetes copies it to the requests. */}}
{{- define "nim.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- if gt (int .Values.model.numGpus) 0 }}
{{- $_ := set $resources "limits" (merge (dict "nvidia.com/gpu" (int .Values.model.numGpus)) ($resources.limits | default dict)) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* One Service port. Arguments: name, port, target, nodePort (may be null), type of the Service. */}}
{{- define "nim.servicePort" -}}
- name: {{ .name }}
  port: {{ .port }}
  targetPort: {{ .target }}
  protocol: TCP
  {{- if and .nodePort (ne .type "ClusterIP") }}
  nodePort: {{ .nodePort }}
  {{- end }}
{{- end }}
