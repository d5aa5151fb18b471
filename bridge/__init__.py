"""callbridge: a phone call between Twilio Media Streams and the OpenAI Realtime API.

The floors, top to bottom; imports only go down, files on one floor are strangers:

    __main__ | cli                      the process
    app                                 routes: webhook, media stream, health
    session                             run_call(): one nursery, one driver, one exit
    legs | release                      sockets and REST

    (below this line: no await, no clock, no randomness, no logging, no environment)

    call                                Call: the state machine of one phone call
    conversation                        what each event of the conversation sets off
    hangup                              the polite end
    turns | caller                      who speaks; voice and keys of the caller
    outbox                              what is to be sent, in order
    playback | responses                what was heard; the model's responses
        | record | tools | phases       what is written down; our words; the tables of the legs
    realtime | playhead | plan          a vocabulary; where the ear is; what the call shall be
    twilio | realtime_session           the other vocabulary; what a session is told to be
        | commands | deadlines          our own words; timers
        | mulaw | errors                audio arithmetic; exceptions of start and shell

The shell also has files that know nothing of calls: settings, wiring, outside, log, twiml,
addresses, signature, call_token.
"""
