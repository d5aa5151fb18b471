"""callbridge: a phone call between Twilio Media Streams and the OpenAI Realtime API.

The floors, top to bottom; imports only go down, files on one floor are strangers:

    __main__, cli                       the process
    serving | forgetting | trying       one serving process; deleting what is kept; trying a tool
    app                                 puts the application together
    routes                              webhook, media stream, calls out, health, metrics
    service                             the application object, and who is let in
    wiring                              from settings to the parts of a call
    session                             one nursery, one driver, one exit
    errands                             what is done for a call beside it
    services                            what all calls of a process share
    model_lines                         the connections of one call to the model
    operations                          admission, metrics, traces, workers
    legs | release | transfer | outbound   the two sockets; the line let go, or on; calls out
    agents | records | flight | recording   who answers; what is kept of a call
    tooling                             what the model may have done beside the call
    core                                the call itself, without I/O
    line_update | write_behind          a call changed by REST; what is written while it goes on
    addresses | call_files | call_token | log | media_socket | outside | signature | thread_door |
        twilio_rest | twiml | settings
    *_settings                          the settings of each room
    api_tokens | secret_files | secret_texts | setting_words
    errors                              exceptions of start-up and connecting
"""
