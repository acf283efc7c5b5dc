{{/* gpuscope.yml: what the chart decides, over queryApi.config. No secret is in it. */}}
{{- define "gpuscope.settings" -}}
{{- $part := .Values.queryApi -}}
{{- $host := $part.listenAddress | default "0.0.0.0" -}}
{{- $settings := deepCopy ($part.config | default dict) -}}
{{- $_ := set $settings "listen" (list (printf "%s:8080" $host) (printf "%s:50062" $host)) -}}
{{- $_ := set $settings "stream_listen" (ternary (printf "%s:8081" $host) nil $part.stream) -}}
{{- $_ := set $settings "workers" (int $part.workers) -}}
{{- $clusters := $part.clusters | default (list (dict "name" .Values.clusterName "prometheus_url" $part.prometheusUrl)) -}}
{{- $_ := set $settings "clusters" $clusters -}}
{{- $auth := deepCopy (get $settings "auth" | default dict) -}}
{{- with $part.auth.tokensSecret.name -}}
{{- $_ := set $auth "tokens_file" (printf "/etc/gpuscope/tokens/%s" $part.auth.tokensSecret.key) -}}
{{- end -}}
{{- with $part.auth.oidc -}}
{{- $_ := set $auth "oidc" . -}}
{{- end -}}
{{- with $part.auth.tokenReview -}}
{{- $_ := set $auth "token_review" . -}}
{{- end -}}
{{- $_ := set $settings "auth" $auth -}}
{{- if eq $part.database.type "sqlite" -}}
{{- $_ := set $settings "database_url" "sqlite:////var/lib/gpuscope/gpuscope.db" -}}
{{- else if eq $part.database.type "none" -}}
{{- $_ := set $settings "database_url" nil -}}
{{- else -}}
{{- $_ := set $settings "database_url" $part.database.url -}}
{{- with $part.database.passwordSecret.name -}}
{{- $_ := set $settings "database_password_file" (printf "/etc/gpuscope/database/%s" $part.database.passwordSecret.key) -}}
{{- end -}}
{{- end -}}
{{- with $part.redis.url -}}
{{- $_ := set $settings "redis_url" . -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end }}

{{/* Several replicas are wanted: then what they must agree on lies elsewhere. */}}
{{- define "gpuscope.severalReplicas" -}}
{{- if or .Values.queryApi.autoscaling.enabled (gt (int .Values.queryApi.replicas) 1) }}yes{{ end -}}
{{- end }}
