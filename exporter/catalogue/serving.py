"""What the exporters say of serving their pages."""

from exporter.catalogue.family import Family, Kind, Role

HTTP_REQUESTS = Family(
    "gpu_exporter_http_requests_total",
    "Requests answered, by status code.",
    ("code",),
    Role.BOTH,
    Kind.COUNTER,
)
HTTP_REJECTED = Family(
    "gpu_exporter_http_requests_rejected_total",
    "Requests sent away, by why: busy (too many scrapes at once), late (no page within the "
    "scrape's timeout), login_busy (too many passwords to check), unauthorized.",
    ("reason",),
    Role.BOTH,
    Kind.COUNTER,
)
HTTP_TLS_FAILURES = Family(
    "gpu_exporter_http_tls_failures_total",
    "Connections without TLS in the end, by why: plain_http, our_certificate (the client does not "
    "accept it), client_certificate (none of client_ca_file), not_allowed (client_allowed_sans), "
    "gone (hung up), protocol; absent without TLS.",
    ("reason",),
    Role.BOTH,
    Kind.COUNTER,
)
HTTP_SENT_BYTES = Family(
    "gpu_exporter_http_sent_bytes_total",
    "Bytes of answers sent, without headers.",
    (),
    Role.BOTH,
    Kind.COUNTER,
)
SCRAPES_IN_FLIGHT = Family(
    "gpu_exporter_scrapes_in_flight",
    "Scrapes being answered now, this one included.",
    (),
    Role.BOTH,
)
LAST_SCRAPE_SECONDS = Family(
    "gpu_exporter_last_scrape_duration_seconds",
    "Time the last whole scrape took until its last byte was handed to the network, in seconds.",
    (),
    Role.BOTH,
)
WEB_CONFIG_RELOADED = Family(
    "gpu_exporter_web_config_reload_success",
    "1 when --web.config.file and the certificates it names are in use as they are now, 0 when "
    "they could not be read again and the ones before are in use; absent without the flag.",
    (),
    Role.BOTH,
)
WEB_CONFIG_READ = Family(
    "gpu_exporter_web_config_last_reload_timestamp_seconds",
    "When --web.config.file was last read with success, in Unix time.",
    (),
    Role.BOTH,
)
