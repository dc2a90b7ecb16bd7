"""Orders for the observer, which reads the validators' ledgers."""
