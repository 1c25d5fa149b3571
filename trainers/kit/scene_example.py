"""Examples of methods that take one photo apart: of the same scene, so that they can be compared."""

from studio.method_example import Example, ExamplePicture

ON_BLUE = ExamplePicture("{0} and {1} on a blue background", "both, on blue")
TOGETHER = Example(
    "dog-cupcake",
    (
        ON_BLUE,
        ExamplePicture("{0} and {1} on the beach", "both, on the beach", seed=1),
        ExamplePicture("{0} and {1} in the forest", "both, in the forest"),
    ),
    learned_from="one photo",
)
EACH_ALONE = Example(
    "dog-cupcake",
    (
        ExamplePicture("{0} on a blue background", "the dog, on blue"),
        ExamplePicture("{1} on a blue background", "the cupcake, on blue"),
        ON_BLUE,
    ),
    learned_from="one photo",
)
