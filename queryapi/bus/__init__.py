"""From those who store what jobs do to those who tell of it: only that there is something new."""
