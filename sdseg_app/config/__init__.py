"""What can be configured, a group of settings a module: docs/configuration.md is written from these classes."""
