//! What sections are made of.

use edgeval_measure::Measured;
use maud::{Markup, html};

/// A section of the page. `lead` says how to read it.
pub(super) fn section(id: &str, title: &str, lead: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby=(format!("{id}-title")) {
            h2 id=(format!("{id}-title")) { (title) }
            @if !lead.is_empty() { p.lead { (lead) } }
            (body)
        }
    }
}

/// Instead of a part: why there is none.
pub(super) fn absent(reason: &str) -> Markup {
    html! { p.absent { "Not measured: " (reason) } }
}

/// Why a figure is absent, when it is.
pub(super) fn reason(figure: &Measured) -> &str {
    match figure {
        Measured::Figure(_) => "",
        Measured::NotMeasured { reason } => reason,
    }
}

/// A drawing with its heading and what it says.
pub(super) fn card(title: &str, body: &Markup, says: &str) -> Markup {
    html! {
        figure.card {
            h3 { (title) }
            (body)
            @if !says.is_empty() { figcaption { (says) } }
        }
    }
}

/// What is behind a drawing, to be unfolded.
pub(super) fn unfolded(summary: &str, body: &Markup) -> Markup {
    html! { details { summary { (summary) } (body) } }
}
