"""Rules: their data, conditions, facts and packs."""
