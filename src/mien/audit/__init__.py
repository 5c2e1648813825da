"""What is wrong with a data set or a split: twins, leaks, conflicting labels, broken pictures."""
