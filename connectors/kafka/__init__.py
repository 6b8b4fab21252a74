"""Kafka: reports and commands in, journal out, topics. Told what to do with a batch, knows nothing of the engine."""
