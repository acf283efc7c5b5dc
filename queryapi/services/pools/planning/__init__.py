"""What planners ask: whether there is room, and what there was."""
