"""By which suffixes, in small letters, the files of a folder are taken for pictures."""

# fmt: off
PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2",
    ".ppm", ".pgm", ".pbm", ".pnm", ".qoi",
)
# fmt: on
UNREAD_SUFFIXES = (".heic", ".heif")  # pictures too, and told to be none that can be read
