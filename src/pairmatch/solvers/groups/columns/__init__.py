"""Groups of any sizes from a program over legal groups: column generation and its roundings."""
