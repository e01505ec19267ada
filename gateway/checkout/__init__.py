"""The decision: which payment methods to show, in which order, with what deposit."""
