"""What reading what others wrote can raise; MsgspecError alone is not all of it."""

import msgspec

BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Of another form, bytes that are no UTF-8, nesting that has no end."""
