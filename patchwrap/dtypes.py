"""The number types in which networks compute, by their names in torch, which the command line does not import."""

DTYPES = ("float32", "bfloat16", "float16")
