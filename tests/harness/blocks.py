"""Damage to block files, as a disk does it that rots."""

import pathlib


def turn_bits(block_file: pathlib.Path) -> None:
    """Turns a bit of every hundredth byte in the first half of a file: slot blocks, not what lists them."""
    with block_file.open("r+b") as file:
        size = file.seek(0, 2)
        for place in range(100, size // 2, 100):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))
