//! Where an evaluation keeps what it has done.

use std::collections::BTreeMap;
use std::path::PathBuf;

use edgeval_calibration::{Journal, Kept, ReferenceSet};

use super::Args;
use crate::state::default_directory;

/// A journal, what it had, and where it is.
type Opened = (Journal, Kept, Option<PathBuf>);

/// Opens the journal: goes on with it when that was asked for, begins anew otherwise. Where the user's state folder can't be written nothing is kept,
/// and that is said.
///
/// # Errors
/// When a file that was named can't be used, or holds another evaluation.
pub(super) fn open(args: &Args, model: &str, set: &ReferenceSet) -> anyhow::Result<Opened> {
    let key = key(args, model, set);
    let (path, is_named) = match &args.journal {
        Some(path) => (path.clone(), true),
        None => (default_path(&key), false),
    };
    if let (false, Some(folder)) = (is_named, path.parent()) {
        // A failure shows when the file is opened.
        let _ = std::fs::create_dir_all(folder);
    }
    let opened = if args.resume {
        Journal::resume(&path, &key)
    } else {
        Journal::create(&path, &key).map(|journal| (journal, Kept::default()))
    };
    match opened {
        Ok((journal, kept)) => Ok((journal, kept, Some(path))),
        Err(error) if !is_named && !args.resume => {
            tracing::warn!("what is done can't be kept: {error}");
            Ok((Journal::nowhere(), Kept::default(), None))
        }
        Err(error) => Err(error.into()),
    }
}

fn default_path(key: &str) -> PathBuf {
    let name = &edgeval_models::sha256(key.as_bytes())[..16];
    default_directory(|name| std::env::var(name).ok()).join("evaluations").join(format!("{name}.journal"))
}

/// Everything that a figure depends on, in words: two evaluations with the same may share what was done.
fn key(args: &Args, model: &str, set: &ReferenceSet) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let parts: BTreeMap<&str, String> = [
        ("version", version.to_owned()),
        ("model", model.to_owned()),
        ("precision", args.precision.to_string()),
        ("engine", args.engine.to_string()),
        ("set", set.identity().to_owned()),
        ("split", args.split.clone()),
        ("without", args.without.clone().unwrap_or_default()),
        ("trials", (!args.quick).to_string()),
        ("options", format!("{:?}", args.options())),
    ]
    .into();
    format!("{parts:?}")
}
