{{/* What the pods of all components have in common. */}}

{{/* (list $ part): where pods run; part is a section of the values. */}}
{{- define "gpuscope.placement" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* (list $ "component"): replicas away from each other, where that is possible. */}}
{{- define "gpuscope.spread" -}}
topologySpreadConstraints:
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "gpuscope.selector" $ | nindent 8 }}
{{- end }}
{{- end }}

{{- define "gpuscope.podAnnotations" -}}
{{- with . }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gpuscope.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* (list port scheme tcp): the process is judged, never the GPUs: what fails stays to be scraped. */}}
{{- define "gpuscope.probes" -}}
{{- $get := printf "port: %s, scheme: %s" (index . 0) (upper (index . 1)) -}}
{{- $healthz := printf "httpGet: {path: /healthz, %s}" $get -}}
{{- $readyz := printf "httpGet: {path: /readyz, %s}" $get -}}
{{- if index . 2 -}}
{{- $healthz = printf "tcpSocket: {port: %s}" (index . 0) -}}
{{- $readyz = $healthz -}}
{{- end -}}
startupProbe:
  {{ $healthz }}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  {{ $healthz }}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  {{ $readyz }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
