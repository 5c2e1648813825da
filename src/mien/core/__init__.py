"""Values, labels, errors and the few helpers that every other room builds on."""
