"""Colours and fonts in Gradio's own settings; `assets/styles` has the rest. The fonts are those of the
system, so that nothing is fetched."""

from __future__ import annotations

import gradio as gr

SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "DejaVu Sans Mono", "monospace"]


def theme() -> gr.themes.Base:
    """Return the theme: paper and ink with one warm accent, light and dark."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.orange,
        secondary_hue=gr.themes.colors.orange,
        neutral_hue=gr.themes.colors.stone,
        font=[gr.themes.Font(name) for name in SANS],
        font_mono=[gr.themes.Font(name) for name in MONO],
        radius_size="lg",
        text_size="md",
    )
    colours = {
        "body_background_fill": "paper",
        "background_fill_primary": "sheet",
        "background_fill_secondary": "paper",
        "body_text_color": "ink",
        "body_text_color_subdued": "faint",
        "block_background_fill": "sheet",
        "block_border_color": "line",
        "block_label_background_fill": "sheet",
        "block_label_text_color": "faint",
        "block_title_text_color": "ink",
        "block_info_text_color": "faint",
        "border_color_primary": "line",
        "border_color_accent": "accent",
        "color_accent_soft": "tint",
        "input_background_fill": "field",
        "input_background_fill_focus": "field",
        "input_border_color": "line",
        "input_border_color_focus": "accent",
        "input_placeholder_color": "faint",
        "panel_background_fill": "sheet",
        "panel_border_color": "line",
        "button_primary_background_fill": "accent",
        "button_primary_background_fill_hover": "accent-deep",
        "button_primary_text_color": "on-accent",
        "button_primary_text_color_hover": "on-accent",
        "button_primary_border_color": "accent",
        "button_secondary_background_fill": "sheet",
        "button_secondary_background_fill_hover": "tint",
        "button_secondary_text_color": "ink",
        "button_secondary_text_color_hover": "ink",
        "button_secondary_border_color": "line",
        "checkbox_background_color": "field",
        "checkbox_background_color_selected": "accent",
        "checkbox_border_color": "line",
        "checkbox_border_color_selected": "accent",
        "checkbox_border_color_focus": "accent",
        "checkbox_label_background_fill": "sheet",
        "checkbox_label_background_fill_hover": "tint",
        "checkbox_label_background_fill_selected": "tint",
        "checkbox_label_border_color": "line",
        "checkbox_label_border_color_selected": "accent",
        "checkbox_label_text_color": "ink",
        "slider_color": "accent",
        "link_text_color": "accent",
        "link_text_color_hover": "accent-deep",
        "accordion_text_color": "ink",
        "loader_color": "accent",
    }
    values = {name: f"var(--{colour})" for name, colour in colours.items()}
    settable = set(gr.themes.Base.set.__kwdefaults__ or ())
    dark_values = {f"{name}_dark": value for name, value in values.items() if f"{name}_dark" in settable}
    return base.set(
        **values,
        **dark_values,
        color_accent="var(--accent)",
        block_shadow="none",
        block_shadow_dark="none",
        block_border_width="0px",
        block_border_width_dark="0px",
        input_border_width="1px",
        input_border_width_dark="1px",
        checkbox_label_border_width="1px",
        checkbox_label_border_width_dark="1px",
        button_border_width="1px",
        button_border_width_dark="1px",
        input_shadow="none",
        input_shadow_dark="none",
        input_shadow_focus="0 0 0 3px var(--focus-ring)",
        input_shadow_focus_dark="0 0 0 3px var(--focus-ring)",
        button_primary_shadow="none",
        button_large_text_weight="600",
        block_title_text_weight="550",
        layout_gap="18px",
    )
