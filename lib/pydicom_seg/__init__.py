"""Stand-in for pydicom-seg (see CONTRIBUTING)."""
