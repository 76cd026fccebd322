"""Commands that stand in for those of ``espnet2.bin``."""
