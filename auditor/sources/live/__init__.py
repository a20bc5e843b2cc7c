"""The live subscription: the only place that talks to Azure, which it only reads."""
