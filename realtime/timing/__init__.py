"""Time: what the stamps of a stream say, what is wrong with them, and what is made of them."""
