"""How long payments take in committees that nobody has: the simulator's product code over modelled links, on modelled machines. Nothing here is measured."""
