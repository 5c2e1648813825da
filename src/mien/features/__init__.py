"""Handcrafted features of face pictures: pixels, HOG, LBP, Gabor, and bags of visual words of SIFT, SURF and ORB.

Each is a scikit-learn transformer that takes pictures. Needs the extra: pip install 'mien[features]'.
"""
