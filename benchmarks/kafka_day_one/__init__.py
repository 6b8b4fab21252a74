"""Measurements of a real Kafka broker with Faust and kafka-python; what docs/decisions/0001 rests on."""
