"""A painted grid on disk: cells, contact sheet, scores, frontier and blind vote. Needs no torch."""
