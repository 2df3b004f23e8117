"""Views: layers over storage, indexing, broadcasting, assignment."""
