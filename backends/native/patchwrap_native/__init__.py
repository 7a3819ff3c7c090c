"""patchwrap's own CNN trio: a coarse network, a fine network and a guided fusion network."""
