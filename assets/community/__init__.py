"""Core tables of a community: filtered for consent, audited month by month, then published."""
