"""What people think of photos: whom to ask about which photos, how to ask, and what their answers are worth."""
