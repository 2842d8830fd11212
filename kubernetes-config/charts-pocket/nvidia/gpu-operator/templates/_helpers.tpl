{{- define "operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: gpu-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Name of the parts of node-feature-discovery, a chart inside the chart upstream. */}}
{{- define "operator.nfd" -}}
{{ .Release.Name }}-node-feature-discovery
{{- end }}

{{- define "operator.nfdImage" -}}
{{- with (index .Values "node-feature-discovery").image }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{/* Arguments: the root context and the values of a component with repository, image and version. */}}
{{- define "operator.image" -}}
{{- $root := index . 0 -}}
{{- with index . 1 }}{{ .repository }}/{{ .image }}:{{ .version | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* What a component wants to know about its pod. */}}
{{- define "operator.env" -}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}

{{/* Folders of the node that the components share. */}}
{{- define "operator.mounts" -}}
- {name: driver, mountPath: /run/raglab-gpus}
- {name: validations, mountPath: /run/nvidia/validations}
- {name: device-plugins, mountPath: /var/lib/kubelet/device-plugins}
{{- end }}

{{- define "operator.volumes" -}}
- name: driver
  hostPath: {path: /run/raglab-gpus, type: DirectoryOrCreate}
- name: validations
  hostPath: {path: /run/nvidia/validations, type: DirectoryOrCreate}
- name: device-plugins
  hostPath: {path: /var/lib/kubelet/device-plugins, type: DirectoryOrCreate}
{{- end }}

{{/* One container of a component. Arguments: root, name, image, the part that the program is to play. */}}
{{- define "operator.container" -}}
- name: {{ index . 1 }}
  image: {{ index . 2 }}
  args: [{{ index . 3 }}]
  env:
    {{- include "operator.env" . | nindent 4 }}
    - {name: RAGLAB_GPU_DRIVER, value: /run/raglab-gpus}
  volumeMounts:
    {{- include "operator.mounts" . | nindent 4 }}
{{- end }}

{{/* Waits until the validator has found that containers get their devices. Argument: root. */}}
{{- define "operator.waitForToolkit" -}}
- name: toolkit-validation
  image: {{ include "operator.image" (list . .Values.validator) }}
  command: [sh, -c]
  args: ["until [ -f /run/nvidia/validations/toolkit-ready ]; do echo waiting for the container toolkit; sleep 1; done"]
  volumeMounts:
    {{- include "operator.mounts" . | nindent 4 }}
{{- end }}

{{/*
The head of a component's DaemonSet, down to its containers. Arguments: root, name, and the ending of the node label
nvidia.com/gpu.deploy.… that the operator sets where the component belongs.
*/}}
{{- define "operator.daemonSet" -}}
{{- $root := index . 0 }}{{ $name := index . 1 -}}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    app: {{ $name }}
    {{- include "operator.labels" $root | nindent 4 }}
spec:
  selector:
    matchLabels: {app: {{ $name }}}
  template:
    metadata:
      labels:
        app: {{ $name }}
        {{- include "operator.labels" $root | nindent 8 }}
    spec:
      serviceAccountName: gpu-operator
      terminationGracePeriodSeconds: 5
      nodeSelector:
        nvidia.com/gpu.deploy.{{ index . 2 }}: "true"
      tolerations:
        - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
      volumes:
        {{- include "operator.volumes" $root | nindent 8 }}
{{- end }}
