"""Links that spread beauty: whom to suggest to whom, against what others would suggest, and what comes of it."""
