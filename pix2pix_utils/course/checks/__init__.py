"""What makes an answer right: one module per notebook, each with a table `EXERCISES`.

`EXERCISES["1"](answer, **context)` returns None if the answer to exercise 1 is right, otherwise one
sentence that helps the reader on. Answers are functions wherever a value could simply be typed; a
check then calls them on inputs that the reader has not seen.
"""
