//! What answers hang on, and whether maps tell the truth about it.

use edgeval_calibration::{Interpretability, ModalityMap};
use maud::{Markup, html};

use super::super::output::Dimension;
use super::figures::{Row, table};
use super::parts::{absent, reason, section};

const LEAD: &str = "Cells are covered in the order of the map, and in random orders. A map that tells the truth makes the answer's probability fall sooner \
    (deletion: less is better) and come back sooner (insertion: more is better) than a random order.";

pub(super) fn render(interpretability: &Dimension<Interpretability>) -> Markup {
    let body = match interpretability {
        Dimension::Absent(absent_figure) => absent(reason(absent_figure)),
        Dimension::Figures(figures) => html! {
            p.small { "A cell is covered with " (figures.covered_with) "." }
            @for map in &figures.modalities { (of_modality(map)) }
        },
    };
    section("interpretability", "Interpretability", LEAD, &body)
}

fn of_modality(map: &ModalityMap) -> Markup {
    table(
        &format!("Maps of {}", map.modality),
        &[
            Row::new("deletion", &map.deletion),
            Row::new("deletion at random", &map.random_deletion),
            Row::new("insertion", &map.insertion),
            Row::new("insertion at random", &map.random_insertion),
            Row::new("gain over random orders", &map.gain).with_note("of what there is to gain"),
            Row::new("peak lies where the answer is", &map.pointing),
        ],
        (0.0, 1.0),
    )
}
