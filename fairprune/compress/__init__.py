"""Methods of compression."""
