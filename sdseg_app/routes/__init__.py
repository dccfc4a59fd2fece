"""Our own HTTP routes, placed in front of MONAI Label's: checked input, one-sentence errors, no blocked server."""
