"""Who is treated how, by which model."""
