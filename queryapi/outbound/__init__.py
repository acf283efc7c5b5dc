"""Others over the network: exchanges bounded in time and size, and when to leave one alone."""
