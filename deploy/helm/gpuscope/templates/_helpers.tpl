{{/* Names and labels. Those that take a component are called with (list $ "component"). */}}

{{- define "gpuscope.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "gpuscope.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if regexMatch "^[0-9]" .Release.Name -}}
{{- /* Services have no name that begins with a digit. */ -}}
{{- printf "%s-%s" (include "gpuscope.name" .) .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "gpuscope.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gpuscope.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "gpuscope.componentName" -}}
{{- printf "%s-%s" (include "gpuscope.fullname" (index . 0)) (index . 1) -}}
{{- end }}

{{- define "gpuscope.selector" -}}
app.kubernetes.io/name: {{ include "gpuscope.name" (index . 0) | quote }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The chart's own labels win over common ones: selectors and upgrades rely on them. */}}
{{- define "gpuscope.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "gpuscope.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "gpuscope" -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) -}}
{{- merge $own $root.Values.commonLabels | toYaml -}}
{{- end }}

{{/* (list $ "component" labels): with those that an operator or a sidecar selects by, which win. */}}
{{- define "gpuscope.labelsWith" -}}
{{- merge (dict) (index . 2) (include "gpuscope.labels" . | fromYaml) | toYaml -}}
{{- end }}

{{/* (list $ "component" podLabels): no label of a user's may keep a pod out of its selector. */}}
{{- define "gpuscope.podLabels" -}}
{{- $own := include "gpuscope.selector" . | fromYaml -}}
{{- merge $own (index . 2) (index . 0).Values.commonLabels | toYaml -}}
{{- end }}

{{/* (list $ "component"), the head of an object in the release's namespace. */}}
{{- define "gpuscope.metadata" -}}
name: {{ include "gpuscope.componentName" . }}
namespace: {{ (index . 0).Release.Namespace | quote }}
labels:
  {{- include "gpuscope.labels" . | nindent 2 }}
{{- end }}

{{/* (list $ image) */}}
{{- define "gpuscope.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "gpuscope.rules" -}}
{{- /* (list $ "ClusterRole's name in files/rbac.yaml"): the rules are written in one place. */ -}}
{{- $wanted := index . 1 -}}
{{- range $text := splitList "\n---\n" ((index . 0).Files.Get "files/rbac.yaml") -}}
{{- $object := fromYaml $text -}}
{{- if and (eq $object.kind "ClusterRole") (eq $object.metadata.name $wanted) }}
{{ toYaml $object.rules }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Scraped by the operator's Prometheus: asked for, and the CRD is there. */}}
{{- define "gpuscope.podMonitors" -}}
{{- if and .Values.podMonitor.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/PodMonitor") }}yes{{ end -}}
{{- end }}

{{- define "gpuscope.prometheusRules" -}}
{{- if and .Values.prometheusRule.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/PrometheusRule") }}yes{{ end -}}
{{- end }}
