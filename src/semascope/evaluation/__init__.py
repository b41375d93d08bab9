"""What vectors are good for, and what is in them: probes and tests with known answers."""
