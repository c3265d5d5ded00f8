"""Where runs run: in this process, in several, or on a cluster."""
