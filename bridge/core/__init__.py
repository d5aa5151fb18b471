"""The core: one phone call as a value, without I/O. Files on one floor are strangers.

    call                                the state machine of one phone call
    conversation                        what each event of the conversation sets off
    hangup | caller | keypad            the polite end; what the caller says, and types
    idle | limit                        a caller who says nothing; the end of the call's time
    turns                               who speaks: interruption, requests, failures
    outbox | responses                  what is to be sent; the model's responses
    playback | deadlines | record       what was heard; timers; what is written down
    plan | tools | phases               what a call shall be; what the model may call; the tables
    playhead | commands                 where the caller's ear is; what a call says to its shell
    realtime | twilio                   the two vocabularies
    realtime_session | mulaw            what a session is told to be; audio arithmetic

No await, no clock, no randomness, no log, no environment: import-linter checks it.
"""
