//! Words for a mistyped key.

/// What is wrong with a TOML text, with the nearest known key where one was mistyped.
#[must_use]
pub fn explain(error: &toml::de::Error) -> String {
    let message = error.message();
    let place = error
        .to_string()
        .lines()
        .next()
        .filter(|line| line.starts_with("TOML"))
        .map(|line| line.trim_start_matches("TOML parse error ").to_owned());
    let place = place.map_or_else(String::new, |place| format!(" ({place})"));
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next().filter(|_| message.starts_with("unknown field")) {
        Some(unknown) => match nearest(unknown, quoted) {
            Some(known) => format!("there is no key `{unknown}`; did you mean `{known}`?{place}"),
            None => format!("{message}{place}"),
        },
        None => format!("{message}{place}"),
    }
}

/// The known word that is most like `word`, if any is like it at all.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, known)| *distance <= known.len().max(word.len()) / 2)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[allow(dead_code)]
        precision: String,
    }

    #[test]
    fn the_nearest_key_is_named() {
        let error = toml::from_str::<Sample>("precison = \"int8\"").unwrap_err();
        assert!(explain(&error).contains("did you mean `precision`?"), "{}", explain(&error));
    }

    #[test]
    fn a_strange_key_is_not_guessed_at() {
        let error = toml::from_str::<Sample>("wallpaper = 1").unwrap_err();
        assert!(!explain(&error).contains("did you mean"), "{}", explain(&error));
    }
}
