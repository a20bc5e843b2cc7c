"""Check an Azure subscription that runs InterSystems databases against the reference architecture."""

__version__ = "0.1.0"
