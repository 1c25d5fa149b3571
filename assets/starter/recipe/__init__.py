"""How the starter was made: drawings, scenes, autoencoder, painter, judge, figures."""
