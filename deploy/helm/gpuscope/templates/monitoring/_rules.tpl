{{/* (dict root file): the groups of a file, with what the values say of its rules. */}}
{{- define "gpuscope.ruleGroups" -}}
{{- $values := .root.Values.prometheusRule -}}
{{- range $group := (.root.Files.Get .file | fromYaml).groups }}
{{- $rules := list }}
{{- $recorded := list }}
{{- range $rule := $group.rules }}
{{- if hasKey $rule "alert" }}
{{- $said := get $values.alerts $rule.alert | default dict }}
{{- if ne (toString (get $said "enabled")) "false" }}
{{- $rules = append $rules (include "gpuscope.alert" (dict "rule" $rule "said" $said "values" $values) | fromYaml) }}
{{- end }}
{{- else }}
{{- if hasKey $values.thresholds $rule.record }}
{{- $_ := set $rule "expr" (toString (get $values.thresholds $rule.record)) }}
{{- end }}
{{- $recorded = append $recorded $rule.record }}
{{- $rules = append $rules $rule }}
{{- end }}
{{- end }}
{{- if eq $group.name "gpuscope-thresholds" }}
{{- range $name, $value := $values.thresholds }}
{{- if not (has $name $recorded) }}
{{- $rules = append $rules (dict "record" $name "expr" (toString $value)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $rules }}
{{- $_ := set $group "rules" $rules }}
{{ toYaml (list $group) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gpuscope.alert" -}}
{{- $rule := .rule -}}
{{- $said := .said -}}
{{- $notes := get $rule "annotations" | default dict -}}
{{- range $key := list "for" "keep_firing_for" -}}
{{- if hasKey $said $key -}}
{{- $_ := set $rule $key (get $said $key) -}}
{{- end -}}
{{- end -}}
{{- $severity := ternary (dict "severity" (get $said "severity")) dict (hasKey $said "severity") -}}
{{- $_ := set $rule "labels" (merge (dict) (get $said "labels" | default dict) $severity .values.alertLabels $rule.labels) -}}
{{- if and .values.runbookUrl (hasKey $notes "runbook_url") -}}
{{- $_ := set $notes "runbook_url" (printf "%s%s" .values.runbookUrl (regexReplaceAll "^[^#]*" $notes.runbook_url "")) -}}
{{- end -}}
{{- if and .values.grafanaUrl (hasKey $notes "dashboard_url") -}}
{{- $_ := set $notes "dashboard_url" (printf "%s%s" (trimSuffix "/" .values.grafanaUrl) $notes.dashboard_url) -}}
{{- end -}}
{{- toYaml $rule -}}
{{- end }}
