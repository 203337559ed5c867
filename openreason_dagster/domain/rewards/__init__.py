"""One number per trace and name, and their weighted total."""
