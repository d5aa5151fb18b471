"""Recordings: both voices of a call as a stereo file, and what was said and heard in words.

`heard` finds out when the caller heard what, `transcript` which words that were, `recording` puts
both voices side by side, `stereo` and `writer` bring them to the disk. docs/recording.md.
"""
