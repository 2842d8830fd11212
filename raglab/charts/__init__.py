"""Charts for helm without a server: repositories that are folders."""
