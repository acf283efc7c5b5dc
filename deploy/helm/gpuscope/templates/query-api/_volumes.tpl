{{/* The section queryApi. Folders, not files: what stands in them is replaced while it runs. */}}
{{- define "gpuscope.apiMounts" -}}
- {name: config, mountPath: /etc/gpuscope/config, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .auth.tokensSecret.name }}
- {name: tokens, mountPath: /etc/gpuscope/tokens, readOnly: true}
{{- end }}
{{- if eq .database.type "sqlite" }}
- {name: data, mountPath: /var/lib/gpuscope}
{{- end }}
{{- if .database.passwordSecret.name }}
- {name: database, mountPath: /etc/gpuscope/database, readOnly: true}
{{- end }}
{{- with .extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "gpuscope.apiVolumes" -}}
{{- $root := index . 0 -}}
{{- $part := $root.Values.queryApi -}}
- name: config
  configMap: {name: {{ include "gpuscope.componentName" . }}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- with $part.auth.tokensSecret.name }}
- name: tokens
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- if eq $part.database.type "sqlite" }}
- name: data
  persistentVolumeClaim: {claimName: {{ $part.persistence.existingClaim | default (include "gpuscope.componentName" .) | quote }}}
{{- end }}
{{- with $part.database.passwordSecret.name }}
- name: database
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- with $part.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
