"""What every request meets before its API: identity, limits, answers that are ready, manners."""
