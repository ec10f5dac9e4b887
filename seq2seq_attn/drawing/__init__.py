"""A graph as a picture: levels make a scene of it, writers put the scene into a language, a style says how it looks."""
