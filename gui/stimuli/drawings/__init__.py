"""Pictures of the built-in concepts, drawn by code, so that a session needs no set of images."""
