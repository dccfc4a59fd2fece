"""Where images come from: an archive, or a folder of volumes and pictures."""
