"""The recommenders, one module per family; each class that has a name is in the registry."""
