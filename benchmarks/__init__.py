"""Measurements, each with its baseline; not tests."""
