"""Orders for traffic and measurements."""
