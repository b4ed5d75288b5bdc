"""Tidemark's side in the project's Python."""
