"""Drop-ins for other libraries: the same names and signatures over the guard's limits. A Guard need not be installed on the app."""
