"""Running the service: who is let in, what is measured, how lines and traces leave the process.

admission   places for calls
watch       what is told of a call while it runs
metrics     numbers for Prometheus (extra `telemetry`)
traces      spans for OpenTelemetry (extra `telemetry`)
loop_lag    how late this process is
log_file    how lines get to standard output and into files that are rotated, off the call path
workers     several processes behind one socket
"""
