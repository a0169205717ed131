{{/* The name of what the chart creates. */}}
{{- define "interlock.name" -}}
{{- if contains "interlock" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-interlock{{ end }}
{{- end }}

{{/* The labels of all objects. */}}
{{- define "interlock.labels" -}}
{{ include "interlock.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The labels that select the pods of Interlock, if it has some of its own. */}}
{{- define "interlock.selector" -}}
app.kubernetes.io/name: {{ include "interlock.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels by which the application's Service selects the pods of Interlock. They have the keys of the application's own, so a
Service that is deployed again leads to the application, and not to the pods that have the labels of both. */}}
{{- define "interlock.swapped" -}}
{{- range $key, $_ := .Values.application.selector }}
{{ $key }}: {{ ternary $.Release.Name (include "interlock.name" $) (eq $key "app.kubernetes.io/instance") }}
{{- end }}
{{- end }}

{{/* The labels that select the pods with Interlock in them. */}}
{{- define "interlock.pods" -}}
{{- if eq .Values.mode "sidecar" }}{{ toYaml .Values.application.selector }}{{ else }}{{ include "interlock.selector" . }}{{ end }}
{{- end }}

{{- define "interlock.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "interlock.secret" -}}
{{ .Values.admin.existingSecret | default (printf "%s-admin" (include "interlock.name" .)) }}
{{- end }}

{{/* interlock.yaml: the defaults of the chart, config, and what the chart sets in any case. */}}
{{- define "interlock.config" -}}
{{- $direct := printf "http://%s-direct:%v" .Values.application.name .Values.application.port }}
{{- $admin := dict "listen" "0.0.0.0:9426" "open" "0.0.0.0:9427" }}
{{- $set := dict "listen" "0.0.0.0:8426" "admin" $admin "admin_token_file" "/etc/interlock/token/token" "log" "json" "limits" (dict "drain" (printf "%vs" .Values.drainSeconds)) }}
{{- $config := dict "backend" $direct }}
{{- if eq .Values.mode "sidecar" }}
{{- $_ := set $config "backend" (printf "http://127.0.0.1:%v" (include "interlock.applicationPort" .)) }}
{{- else }}
{{- $_ := set $admin "names" (list (printf "%s-admin" (include "interlock.name" .))) }}
{{- end }}
{{- if ne .Values.mode "replicas" }}
{{- $_ := set $config "retention" (dict "bytes" "512MiB") }}
{{- $_ := set $set "store" "/var/lib/interlock/interlock.db" }}
{{- end }}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.config) $set) }}
{{- end }}

{{/* The port of the application's container, as a number. */}}
{{- define "interlock.applicationPort" -}}
{{- $target := .Values.application.targetPort }}
{{- $port := "" }}
{{- range .Values.application.container.ports }}
{{- if or (eq (toString .name) (toString $target)) (eq (toString .containerPort) (toString $target)) }}{{ $port = .containerPort }}{{ end }}
{{- end }}
{{- $port | required (printf "application.container has no port %v, which application.targetPort names" $target) }}
{{- end }}

{{/* The container of Interlock; of a sidecar, with all that its pod may lack. */}}
{{- define "interlock.container" -}}
name: interlock
image: {{ include "interlock.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if eq .Values.mode "sidecar" }}
restartPolicy: Always # it starts before the application and ends after it
{{- end }}
args: [serve, --config=/etc/interlock/config/interlock.yaml]
env:
  - name: INTERLOCK_INSTANCE
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: GOMEMLIMIT
    value: {{ .Values.goMemoryLimit }}
  {{- if eq .Values.mode "replicas" }}
  {{- include "interlock.storeVariable" . | nindent 2 }}
  {{- end }}
ports:
  - name: traffic
    containerPort: 8426
  - name: admin
    containerPort: 9426
  - name: health
    containerPort: 9427
startupProbe:
  httpGet:
    path: /healthz
    port: health
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: health
  timeoutSeconds: 3
readinessProbe:
  httpGet:
    path: /readyz?exclude=store # traffic does not wait for the store
    port: health
  periodSeconds: 5
  timeoutSeconds: 3
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "interlock.security" . | nindent 2 }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: interlock-config
    mountPath: /etc/interlock/config
    readOnly: true
  - name: interlock-token
    mountPath: /etc/interlock/token
    readOnly: true
  {{- if ne .Values.mode "replicas" }}
  - name: interlock-store
    mountPath: /var/lib/interlock
  {{- end }}
{{- if ne .Values.mode "sidecar" }}
lifecycle:
  preStop:
    sleep:
      seconds: 5 # clients still find the pod while its address is removed everywhere
{{- end }}
{{- end }}

{{- define "interlock.security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "interlock.storeVariable" -}}
- name: INTERLOCK_STORE
  valueFrom:
    secretKeyRef:
      name: {{ .Values.store.existingSecret }}
      key: {{ .Values.store.key }}
{{- end }}

{{- define "interlock.volumes" -}}
- name: interlock-config
  configMap:
    name: {{ include "interlock.name" . }}
- name: interlock-token
  secret:
    secretName: {{ include "interlock.secret" . }}
{{- if ne .Values.mode "replicas" }}
- name: interlock-store
  emptyDir:
    sizeLimit: {{ .Values.store.size }}
{{- end }}
{{- end }}

{{/* Annotations: a changed configuration starts new pods. */}}
{{- define "interlock.annotations" -}}
checksum/config: {{ include "interlock.config" . | sha256sum }}
prometheus.io/scrape: "true"
prometheus.io/port: "9427"
{{- end }}

{{/* What a pod has that may be set in the values. */}}
{{- define "interlock.placement" -}}
{{- range $key := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" }}
{{- with index $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* JSON patches of the application's Service: to Interlock, and back. */}}
{{- define "interlock.swap" -}}
[{"op":"replace","path":"/spec/selector","value":{{ include "interlock.swapped" . | fromYaml | toJson }}},{"op":"replace","path":"/spec/ports/0/targetPort","value":"traffic"}]
{{- end }}
{{- define "interlock.back" -}}
[{"op":"replace","path":"/spec/selector","value":{{ toJson .Values.application.selector }}},{"op":"replace","path":"/spec/ports/0/targetPort","value":{{ toJson .Values.application.targetPort }}}]
{{- end }}
