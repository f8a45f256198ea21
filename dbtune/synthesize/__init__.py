"""Rows made from statistics: a database that behaves like the target's, with none of its rows.

Every column is three things: a *domain* (its distinct values, in order), a *spread* (how many rows
each value has) and an *order* (which row has which value). Each is a pure function of the row's
number and the seed, computed for a block of rows at a time, so memory does not grow with the
table, and the same seed gives the same rows.
"""
