"""callbridge: a phone call between Twilio Media Streams and the OpenAI Realtime API.

The floors, top to bottom; imports only go down, files on one floor are strangers:

    __main__, cli                       the process
    app                                 routes: webhook, media stream, health
    wiring                              from settings to the parts of a call
    session                             one nursery, five tasks, one driver, one exit
    legs | release                      the two sockets; the line's release over REST
    core                                the call itself, without I/O
    addresses | call_token | log | outside | settings | signature | twiml
    errors                              exceptions of start-up and connecting
"""
