"""A fake of OpenAI's GPT-Live: it listens while it speaks (docs/protocols/gpt-live.md)."""
