"""The cluster role: list + watch → decode → accounting → samples."""
