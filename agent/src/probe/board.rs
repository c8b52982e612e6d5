//! Which board this is, and which of its boots.

use super::{ProbeError, Probed, Roots, read_text};

/// The board's name, from the device tree or, on a PC, from the firmware's tables.
///
/// # Errors
/// When neither is there.
pub fn model(roots: &Roots) -> Probed<String> {
    read_text(&roots.proc.join("device-tree/model"))
        .or_else(|_| read_text(&roots.sys.join("class/dmi/id/product_name")))
        .map_err(|_| ProbeError::Absent("neither a device tree nor DMI names this board".to_owned()))
}

/// This boot's id (random(4), `boot_id`).
///
/// # Errors
/// When /proc/sys is hidden.
pub fn boot_id(roots: &Roots) -> Probed<String> {
    read_text(&roots.proc.join("sys/kernel/random/boot_id"))
}

#[cfg(test)]
mod tests {
    use super::super::trees::{fixture, tree_with};
    use super::*;

    #[test]
    fn a_device_tree_name_loses_its_nul() {
        let (_tree, roots) = tree_with(&[("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")]);
        assert_eq!(model(&roots).unwrap(), "Raspberry Pi 4 Model B Rev 1.4");
    }

    #[test]
    fn a_pc_is_named_by_its_firmware() {
        assert_eq!(model(&fixture("pc")).unwrap(), "Example Desktop");
        assert!(model(&tree_with(&[]).1).is_err());
    }
}
