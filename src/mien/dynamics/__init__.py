"""What scores over time say: smoothing, segments and stability. Arrays in, values out."""
