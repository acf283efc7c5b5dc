"""How much a request may bring, in which form: what is refused, the description tells."""

# The most that gunicorn allows, and what the usual proxies allow.
REQUEST_LINE_BYTES = 8190
HEADERS = 64
# Identity providers put groups into their tokens: 8 KB are not always enough.
HEADER_BYTES = 16 * 1024
BODY_BYTES = 1024 * 1024
# More than people write: a request waits for so much of its body before it gets a thread.
SHORT_BODY_BYTES = 32 * 1024
# Of clusters and namespaces, as Kubernetes limits its own.
NAME_CHARACTERS = 253
# Such as 90s, 15m, 24h or 7d.
PERIOD = "[1-9][0-9]{0,6}[smhd]"
