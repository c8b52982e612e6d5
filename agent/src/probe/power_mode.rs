//! A Jetson's power mode: how many cores and which clocks it may use.
//!
//! `nvpmodel` writes the mode into /var/lib/nvpmodel/status (`pmode:0002`) and takes the modes' names from
//! /etc/nvpmodel.conf (`< POWER_MODEL ID=2 NAME=MAXN_SUPER >`): Jetson Linux Developer Guide, "Power Mode Controls".

use super::{ProbeError, Probed, Roots, read_text};

/// A mode that a Jetson has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Its number, for `nvpmodel -m`.
    pub id: u32,
    /// Its name, such as `15W` or `MAXN`.
    pub name: String,
}

/// The mode now, and all that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerMode {
    /// The mode now.
    pub current: Mode,
    /// Every mode of this board.
    pub all: Vec<Mode>,
}

impl PowerMode {
    /// The mode that limits nothing, where the board has one under its usual name.
    #[must_use]
    pub fn unlimited(&self) -> Option<&Mode> {
        let named = |name: &str| self.all.iter().find(|mode| mode.name == name);
        named("MAXN_SUPER").or_else(|| named("MAXN"))
    }
}

/// Reads the mode.
///
/// # Errors
/// When the board is no Jetson, or its files say something else.
pub fn read(roots: &Roots) -> Probed<PowerMode> {
    let path = roots.root.join("var/lib/nvpmodel/status");
    if !path.exists() {
        return Err(ProbeError::Absent("this board has no power modes that are known here (nvpmodel)".to_owned()));
    }
    let text = read_text(&path)?;
    let id = text.split_whitespace().find_map(|word| word.strip_prefix("pmode:")?.parse().ok());
    let id: u32 = id.ok_or_else(|| ProbeError::unexpected(&path, "pmode"))?;
    let all = modes(&read_text(&roots.root.join("etc/nvpmodel.conf")).unwrap_or_default());
    let named = all.iter().find(|mode| mode.id == id).cloned();
    // Without a name the number says it all the same.
    Ok(PowerMode { current: named.unwrap_or_else(|| Mode { id, name: format!("mode {id}") }), all })
}

fn modes(configuration: &str) -> Vec<Mode> {
    let mode = |line: &str| {
        let rest = line.trim().strip_prefix('<')?.trim_start().strip_prefix("POWER_MODEL")?;
        let field = |key: &str| rest.split_whitespace().find_map(|word| word.strip_prefix(key));
        Some(Mode { id: field("ID=")?.parse().ok()?, name: field("NAME=")?.trim_end_matches('>').to_owned() })
    };
    configuration.lines().filter_map(mode).collect()
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn the_mode_has_the_name_that_the_configuration_gives() {
        let mode = read(&fixture("jetson-orin-nano")).unwrap();
        assert_eq!(mode.current, Mode { id: 0, name: "15W".to_owned() });
        assert_eq!(mode.unlimited(), Some(&Mode { id: 2, name: "MAXN_SUPER".to_owned() }));
        assert_eq!(mode.all.len(), 4);
    }

    #[test]
    fn a_mode_without_a_name_keeps_its_number_and_nonsense_is_refused() {
        let (_tree, roots) = tree_with(&[("var/lib/nvpmodel/status", "pmode:0007 fmode:quiet")]);
        assert_eq!(read(&roots).unwrap().current.name, "mode 7");
        for text in ["", "pmode:", "pmode:-1", "mode 3"] {
            assert!(read(&tree_with(&[("var/lib/nvpmodel/status", text)]).1).is_err(), "{text}");
        }
        assert!(read(&tree_with(&[]).1).unwrap_err().to_string().contains("nvpmodel"));
    }
}
