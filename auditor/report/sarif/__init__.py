"""The SARIF 2.1.0 formats; the only package that uses sarif_om."""
