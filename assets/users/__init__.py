"""Users: how unequal they are, which classes they fall into, and how long they stay."""
