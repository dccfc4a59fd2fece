"""The node among real programs that fail: a harness, and tests with kill -9, a faulty PACS and hostile senders."""
