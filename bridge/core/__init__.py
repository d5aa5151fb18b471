"""The core: one phone call as a value, without I/O. Files on one floor are strangers.

    call                                the state machine of one phone call
    model_side                          the model's sessions, and the conversation over them all
    conversation                        what each event of the conversation sets off
    sessions | fallback                 which session is in use; what follows if there is none
    functions                           what the model's function calls do
    hangup | line                       the polite end; letting go of the line
    caller | keypad | digits            what the caller says, and types; keys the model waits for
    tool_calls | filler                 open function calls; a word of patience meanwhile
    idle | limit                        a caller who says nothing; the end of the call's time
    turns                               who speaks: interruption, requests, failures
    tape                                the last of the caller's audio, to be given again
    outbox | responses                  what is to be sent; the model's responses
    playback | deadlines | record       what was heard; timers; what is written down
    plan | tools | phases               what a call shall be; what the model may call; the tables
    memory                              what was said, so that another session can go on with it
    playhead | commands                 where the caller's ear is; what a call says to its shell
    realtime | twilio                   the two vocabularies
    realtime_requests                   what we say to the model
    realtime_session | realtime_items   what a session is told to be; what stands in a conversation
    mulaw                               audio arithmetic

No await, no clock, no randomness, no log, no environment: import-linter checks it.
"""
