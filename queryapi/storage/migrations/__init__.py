"""One module per version of the tables; what was released is never changed."""
