//! Numbers and names as the page shows them.

use edgeval_measure::{Figure, Measured};

/// Longest name of a class, a group or a sample on the page: a set's are from outside, and may be as long as they like.
pub(super) const NAME: usize = 48;
/// Longest text of a sample on the page.
pub(super) const TEXT: usize = 400;

/// A number with as many decimals as a person compares: three up to 10, one up to 1,000, none above; two digits of what is under 0.001.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if (1e-6..1e-3).contains(&size) => (-size.log10()).ceil() as usize + 1,
        size if size < 10.0 => 3,
        size if size < 1000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    // A rounded −0 is 0, and a minus is as long as a plus.
    if text.trim_start_matches('-').chars().all(|sign| "0.".contains(sign)) {
        text.trim_start_matches('-').to_owned()
    } else {
        text.replace('-', "−")
    }
}

/// A figure's value, or a dash.
pub(super) fn value(measured: &Measured) -> String {
    measured.figure().map_or_else(|| "–".to_owned(), |figure| number(figure.value))
}

/// The ends of a figure's interval.
pub(super) fn interval(figure: &Figure) -> String {
    format!("{} to {}", number(figure.low), number(figure.high))
}

/// A name of the program's own, as words.
pub(super) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// At most so many characters of a text, with a mark where more was left out.
pub(super) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// One thing or several.
pub(super) fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_exact_as_a_person_compares() {
        for (value, words) in [
            (0.98765, "0.988"),
            (-0.000_043, "−0.000043"),
            (-1e-9, "0.000"),
            (-0.5, "−0.500"),
            (56.78, "56.8"),
            (12345.6, "12346"),
        ] {
            assert_eq!(number(value), words);
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!((short("größe", 3), short("größe", 5)), ("grö…".to_owned(), "größe".to_owned()));
    }
}
