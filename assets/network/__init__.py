"""Network: the follow graph, and how beauty and recognition lie in it."""
