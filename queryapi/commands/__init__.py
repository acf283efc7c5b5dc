"""The subcommands of `gpuscope-api`."""
