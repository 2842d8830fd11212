{{- define "locust.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name where it says what this is, else both names. */}}
{{- define "locust.fullname" -}}
{{- $name := include "locust.name" . }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $both .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "locust.selectorLabels" -}}
app.kubernetes.io/name: {{ include "locust.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
load_test: {{ .Values.loadtest.name }}
{{- end }}

{{- define "locust.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "locust.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- range $key, $value := .Values.extraLabels }}
{{ $key }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Variables, as a list of name and value. */}}
{{- define "locust.variables" -}}
{{- range $key, $value := . -}}
- name: {{ $key }}
  value: {{ $value | quote }}
{{ end }}
{{- end }}

{{/* Master and worker differ in their role, their arguments and what they listen on. Argument: root context, role. */}}
{{- define "locust.deployment" -}}
{{- $root := index . 0 }}{{ $role := index . 1 }}{{ $own := get $root.Values $role }}
{{- $load := $root.Values.loadtest -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "locust.fullname" $root }}-{{ $role }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    component: {{ $role }}
    {{- include "locust.labels" $root | nindent 4 }}
spec:
  replicas: {{ $own.replicas }}
  selector:
    matchLabels:
      component: {{ $role }}
      {{- include "locust.selectorLabels" $root | nindent 6 }}
  template:
    metadata:
      annotations:
        # Only this chart's own ConfigMaps: a change of the locustfile's does not restart the pods.
        checksum/config: {{ include (print $root.Template.BasePath "/configmaps.yaml") $root | sha256sum }}
      labels:
        component: {{ $role }}
        {{- include "locust.labels" $root | nindent 8 }}
    spec:
      serviceAccountName: {{ include "locust.fullname" $root }}-{{ $role }}
      containers:
        - name: {{ $root.Chart.Name }}
          image: "{{ $root.Values.image.repository }}:{{ $root.Values.image.tag }}"
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: [sh, /config/docker-entrypoint.sh]
          args:
            - --{{ $role }}
            {{- with $own.args }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            {{- if eq $role "master" }}
            {{- if $load.headless }}
            - --headless
            {{- end }}
            {{- if ne (int $root.Values.service.targetPort) 8089 }}
            - --web-port={{ $root.Values.service.targetPort }}
            {{- end }}
            {{- end }}
            {{- with $load.tags }}
            - --tags={{ . }}
            {{- end }}
            {{- with $load.excludeTags }}
            - --exclude-tags={{ . }}
            {{- end }}
          env:
            - name: LOCUST_HOST
              value: {{ $load.locust_host | quote }}
            {{- if eq $role "worker" }}
            - name: LOCUST_MASTER_NODE_HOST
              value: {{ include "locust.fullname" $root }}
            - name: LOCUST_MASTER_NODE_PORT
              value: "5557"
            {{- end }}
            - name: LOCUST_LOGLEVEL
              value: {{ $own.logLevel }}
            - name: LOCUST_LOCUSTFILE
              value: "{{ $load.locust_locustfile_path }}/{{ $load.locust_locustfile }}"
            {{- with merge (dict) $own.environment $load.environment }}
            {{- include "locust.variables" . | trim | nindent 12 }}
            {{- end }}
          {{- if eq $role "master" }}
          ports:
            - name: loc-master-web
              containerPort: {{ $root.Values.service.targetPort }}
            - name: loc-master-p1
              containerPort: 5557
            - name: loc-master-p2
              containerPort: 5558
          {{- if not $load.headless }}
          readinessProbe:
            {{- toYaml $own.readinessProbe | nindent 12 }}
          {{- end }}
          {{- end }}
          resources:
            {{- toYaml $own.resources | nindent 12 }}
          volumeMounts:
            - name: locustfile
              mountPath: {{ $load.locust_locustfile_path }}
            {{- if $load.locust_lib_configmap }}
            - name: lib
              mountPath: {{ $load.locust_locustfile_path }}/lib
            {{- end }}
            - name: config
              mountPath: /config
      {{- with $root.Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumes:
        - name: locustfile
          configMap:
            name: {{ $load.locust_locustfile_configmap }}
        {{- with $load.locust_lib_configmap }}
        - name: lib
          configMap:
            name: {{ . }}
        {{- end }}
        - name: config
          configMap:
            name: {{ include "locust.fullname" $root }}-config
{{- end }}
