"""callbridge: a phone call between Twilio Media Streams and the OpenAI Realtime API.

The floors, top to bottom; imports only go down, files on one floor are strangers:

    __main__ | cli                      the process
    app                                 routes: webhook, media stream, health
    session                             run_call(): one nursery, one driver, one exit
    legs | release                      sockets and REST

    (below this line: no await, no clock, no randomness, no logging, no environment)

    call                                Call: the state machine of one phone call
    conversation                        what each event of the conversation sets off
    hangup | caller                     the polite end; voice and keys of the caller
    turns                               who speaks: interruption, requests, failures
    outbox | responses                  what is to be sent; the model's responses
    playback | deadlines | record       what was heard; timers; what is written down
    playhead | plan | commands | tools | phases
    twilio | realtime                   the two vocabularies
    realtime_session                    what a session is told to be, in both dialects
    mulaw | errors                      audio arithmetic; exceptions of start and shell

The shell also has files that know nothing of calls: settings, wiring, outside, log, twiml,
addresses, signature, call_token.
"""
