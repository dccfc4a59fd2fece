"""MONAI Label's tasks around the engines of `sdseg`, and what a request may ask of them."""
