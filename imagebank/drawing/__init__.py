"""The painter: draws an image bank from a seeded recipe. Plain Python with numpy, scipy and Pillow; no Django.

`draw_bank(recipe, out_dir, scale=..., seed=..., progress=None)` writes pictures, lesion masks and `manifest.csv`.
`python -m imagebank.drawing recipe.toml --out DIR` does the same from a terminal. Every picture is drawn, not a
photograph, and says so.
"""

__all__ = ["DrawingError", "RecipeError", "contact_sheet", "draw_bank", "read_recipe"]


def __getattr__(name: str):
    """The public names, loaded when first used: a light caller need not load scipy."""
    from importlib import import_module

    homes = {"draw_bank": "bank", "DrawingError": "bank", "contact_sheet": "contact", "read_recipe": "recipe",
             "RecipeError": "recipe"}  # fmt: skip
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{homes[name]}", __name__), name)
