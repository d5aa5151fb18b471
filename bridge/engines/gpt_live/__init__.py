"""GPT-Live: a model that listens while it speaks (docs/protocols/gpt-live.md)."""
