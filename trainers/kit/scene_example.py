"""The example of the methods that take one photo apart: the same for all, so that they can be compared."""

from studio.method_example import Example, ExamplePicture

TAKEN_APART = Example(
    "dog-cupcake",
    (
        ExamplePicture("{0} and {1} on a blue background", "both, on blue"),
        ExamplePicture("{0} and {1} on the beach", "both, on the beach", seed=1),
        ExamplePicture("{0} and {1} in the forest", "both, in the forest"),
    ),
    learned_from="one photo",
)
