"""What a real driver answers to all that the collectors ask, written to docs/hardware/."""
