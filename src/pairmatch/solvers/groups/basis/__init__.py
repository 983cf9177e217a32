"""What every search for groups is made of: values, sizes, moves, prices, small pools."""
