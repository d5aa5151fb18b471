"""Load: one scenario's caller many times at once, in real time, against a bridge's process.

These are not the fakes that play a scenario but lean ones, made so that the bridge is what gives
way. The wire is right; what they leave out stands at the top of `phone` and `model`. `generator`
paces and dials, `books` counts, `verdict` judges, and refuses to when this program was the slow
one.
"""
