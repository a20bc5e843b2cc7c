"""The report as assessment results of NIST's Open Security Controls Assessment Language (OSCAL)."""
