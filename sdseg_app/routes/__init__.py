"""The HTTP routes: checked input, declared answers, one-sentence errors, no blocked server."""
