"""Evaluation: rules and subjects in, findings out; exemptions, drift and findings carried over."""
