"""Groups whose lowest value is as high as can be."""
