"""callbridge: a phone call between Twilio Media Streams and the OpenAI Realtime API.

The floors, top to bottom; imports only go down, files on one floor are strangers:

    __main__, cli                       the process
    serving | forgetting                one serving process; deleting what is kept of a call
    app                                 puts the application together
    routes                              webhook, media stream, calls out, health, metrics
    service                             the application object, and who is let in
    wiring                              from settings to the parts of a call
    session                             one nursery, five tasks, one driver, one exit
    operations                          admission, metrics, traces, workers
    legs | release | outbound           the two sockets; the line's release; calls out
    agents | records | flight | recording   who answers; what is kept of a call
    core                                the call itself, without I/O
    addresses | call_token | log | media_socket | outside | signature | twilio_rest | twiml |
        settings
    *_settings                          the settings of each room
    api_tokens | secret_files | setting_words
    errors                              exceptions of start-up and connecting
"""
