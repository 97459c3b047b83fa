"""Labels of objects, or of classes of pixels: ``cellwright segment``."""
