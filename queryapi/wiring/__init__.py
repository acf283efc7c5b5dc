"""Makes the parts of the service by the settings; each choice stands here once."""
