"""Orders for the laboratory, which attacks the network."""
