{{- define "gpuscope.podMonitor" -}}
{{- $root := .root -}}
{{- $scheme := .scheme -}}
{{- $me := list $root .component -}}
{{- with $root.Values.podMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "gpuscope.componentName" $me }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "gpuscope.labelsWith" (append $me .labels) | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "gpuscope.selector" $me | nindent 6 }}
  {{- with .attachMetadata }}
  attachMetadata:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with int64 .sampleLimit }}
  sampleLimit: {{ . }}
  {{- end }}
  {{- with int64 .labelLimit }}
  labelLimit: {{ . }}
  {{- end }}
  podMetricsEndpoints:
  {{- range $.endpoints }}
    - port: {{ .port }}
      scheme: {{ $scheme }}
      interval: {{ $root.Values.podMonitor.interval }}
      scrapeTimeout: {{ $root.Values.podMonitor.scrapeTimeout }}
      {{- if .honor }}
      honorLabels: true
      {{- end }}
      {{- $ours := hasPrefix "gpuscope-" .job }}
      {{- if and (eq $scheme "https") $root.Values.podMonitor.tlsConfig }}
      tlsConfig:
        {{- toYaml $root.Values.podMonitor.tlsConfig | nindent 8 }}
      {{- end }}
      {{- if and (not $ours) $root.Values.podMonitor.basicAuth }}
      basicAuth:
        {{- toYaml $root.Values.podMonitor.basicAuth | nindent 8 }}
      {{- end }}
      {{- if and $ours $root.Values.podMonitor.apiAuthorization }}
      authorization:
        {{- toYaml $root.Values.podMonitor.apiAuthorization | nindent 8 }}
      {{- end }}
      relabelings:
        {{- include "gpuscope.relabelings" (dict "job" .job "node" .node "cluster" $root.Values.clusterName) | nindent 8 }}
        {{- with $root.Values.podMonitor.relabelings }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or .jobs $root.Values.podMonitor.metricRelabelings }}
      metricRelabelings:
        {{- if .jobs }}
        # What it tells of jobs is about their clusters: the job's cluster wins over the target's.
        - {sourceLabels: [__name__, exported_cluster], regex: "gpuscope_job_.+;(.+)", targetLabel: cluster}
        - {sourceLabels: [__name__], regex: "gpuscope_job_.+", targetLabel: exported_cluster, replacement: ""}
        {{- end }}
        {{- with $root.Values.podMonitor.metricRelabelings }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
  {{- end }}
{{- end }}
{{ end }}

{{/* Series keep their names when an exporter's pod is replaced, and none gets the pod of its exporter. */}}
{{- define "gpuscope.relabelings" -}}
- {targetLabel: cluster, replacement: {{ .cluster | quote }}}
- {targetLabel: job, replacement: {{ .job }}}
{{- if .node }}
- {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: node}
- {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: instance}
{{- end }}
- {action: labeldrop, regex: "namespace|pod|container|endpoint"}
{{- end }}
