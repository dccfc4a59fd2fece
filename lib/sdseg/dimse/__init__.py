"""DICOM over its own protocol (DIMSE): associations, C-ECHO, C-STORE, storage commitment, TLS, a listener."""

import pynetdicom._config

# pynetdicom's log: no contents of objects or queries, which would show patients. What went wrong is in our errors.
pynetdicom._config.LOG_HANDLER_LEVEL = "none"
pynetdicom._config.LOG_REQUEST_IDENTIFIERS = False
pynetdicom._config.LOG_RESPONSE_IDENTIFIERS = False
# A file that is sent goes out byte by byte as it lies on the disk.
pynetdicom._config.STORE_SEND_CHUNKED_DATASET = True
