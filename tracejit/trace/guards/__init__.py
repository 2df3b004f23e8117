"""What a version depends on outside of its arguments."""
