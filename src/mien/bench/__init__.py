"""Models side by side, also other people's, on the same pictures by the same measure, with what they cost."""
