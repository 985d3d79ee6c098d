"""What the system and browser tests start real programs with, and ask them over their protocols."""
