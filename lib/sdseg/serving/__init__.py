"""Starting MONAI Label with the SDSeg app: checked arguments, a server that surely stops."""
