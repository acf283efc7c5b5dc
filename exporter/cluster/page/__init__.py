"""Records → sample lines, and the blocks of a page that they make."""
