"""The running half: who is calling, may they, how often. No framework is imported here; the adapters are beside this package."""
