"""The proof of the advice: the recommended indexes built on a clone, its statements measured."""
