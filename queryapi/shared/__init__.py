"""What several processes of the service share."""
