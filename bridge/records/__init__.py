"""Call records: what is remembered of a call when it is over, and how it gets to a database.

    session ─ CallPage ─► RecordWriter.keep ─► inbox ─► Spool (disk) ─► SqlStore (database)

A call hands its entry over without waiting. One task writes entries to the spool, one moves them
to the database; a dead database only makes the spool longer. The floors, top to bottom:

    command | keeping                   the command line's part; the writer with its threads
    listing | writer                    table, CSV, JSON; from inbox to spool to database
    store | spool                       the database; the files
    migration | book                    the schema's version; the page of a running call
    schema | entry                      the table; one record, and its line in the spool
    numbers | prices                    phone numbers as they are stored; what tokens cost
"""
