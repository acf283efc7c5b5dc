"""Why a connection is closed, in the numbers of RFC 6455 and its registry."""

GOING_AWAY = 1001
ABNORMAL = 1006
"""Never sent: there was no closing handshake."""
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
