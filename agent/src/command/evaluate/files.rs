//! The files that an evaluation writes for people and programs. Its journal is another matter (`kept`).

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use edgeval_calibration::{Evaluated, ReferenceErrors, ReferenceSet, Worker};

use super::output::Output;
use super::{Args, page};
use crate::measurement::ModelFacts;

/// Minutes of work aren't to end at a file that can't be written.
///
/// # Errors
/// When one of the files that were asked for can't be, is named twice, or is a part of what is read.
pub(super) fn check(args: &Args, set: &ReferenceSet) -> anyhow::Result<()> {
    let asked = [&args.html, &args.predictions, &args.write_reference_errors];
    let asked: Vec<&Path> = asked.into_iter().flatten().map(PathBuf::as_path).collect();
    for (place, file) in asked.iter().enumerate() {
        check_writable(file)?;
        if asked[..place].contains(file) {
            bail!("can't write {}: two options name it; give each a file of its own", file.display());
        }
        if let Some(folder) = read_from(file, &args.model, set) {
            bail!(
                "can't write {}: it is a part of {}, which is read; name another file",
                file.display(),
                folder.display()
            );
        }
    }
    Ok(())
}

/// The bundle or the set that a file is a part of. What else lies in a set's folder may be an earlier report.
fn read_from<'a>(file: &Path, model: &'a Path, set: &'a ReferenceSet) -> Option<&'a Path> {
    let inside =
        |folder: &Path| Some(file.canonicalize().ok()?.strip_prefix(folder.canonicalize().ok()?).ok()?.to_owned());
    if inside(model).is_some() {
        return Some(model);
    }
    inside(set.directory()).filter(|file| set.has_file(file)).map(|_| set.directory())
}

/// What is there keeps its content; what isn't is not there afterwards.
fn check_writable(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("can't write {}: {} is no folder; make it first", file.display(), folder.display());
    }
    if file.is_dir() {
        bail!("can't write {}: it is a folder; name a file in it", file.display());
    }
    let is_new = !file.exists();
    // A pipe would wait for its reader.
    if is_new || file.is_file() {
        let opened = OpenOptions::new().append(true).create(true).open(file);
        opened.with_context(|| cannot_write(file))?;
    }
    if is_new {
        std::fs::remove_file(file).with_context(|| format!("can't remove {}", file.display()))?;
    }
    Ok(())
}

/// Writes the files that were asked for.
///
/// # Errors
/// When one can't be written, no sample was corrupted, or a sample to be shown can't be read.
pub(super) fn write(
    args: &Args,
    output: &Output,
    evaluated: &Evaluated,
    set: &ReferenceSet,
    workers: &mut [Worker],
) -> anyhow::Result<()> {
    if let Some(path) = &args.predictions {
        let file = File::create(path).with_context(|| cannot_write(path))?;
        evaluated.answers.write_predictions(BufWriter::new(file)).with_context(|| cannot_write(path))?;
    }
    if let Some(path) = &args.write_reference_errors {
        let json = serde_json::to_string_pretty(&reference_errors(args, &output.model, set, evaluated)?)? + "\n";
        std::fs::write(path, json).with_context(|| cannot_write(path))?;
    }
    if let (Some(path), Some(worker)) = (&args.html, workers.first_mut()) {
        let page = page::render(output, evaluated, set, &mut worker.model)?;
        std::fs::write(path, page).with_context(|| cannot_write(path))?;
    }
    Ok(())
}

fn cannot_write(path: &Path) -> String {
    format!("can't write {}", path.display())
}

/// Errors that others are held against say whose they are, and how they came about.
fn reference_errors(
    args: &Args,
    ModelFacts { name, version, sha256, .. }: &ModelFacts,
    set: &ReferenceSet,
    evaluated: &Evaluated,
) -> anyhow::Result<ReferenceErrors> {
    let model = [name.as_str(), version.as_deref().unwrap_or_default(), &args.precision.to_string()].join(" ");
    let Some(errors) = ReferenceErrors::of(model, &evaluated.findings.robustness) else {
        bail!("--write-reference-errors: no sample was corrupted: the model takes no picture and no sound of the set");
    };
    let Args { split, engine, seed, .. } = args;
    let measured_by = format!(
        "edgeval {} evaluate --engine {engine} --seed {seed}: {} samples of {} {} ({split})",
        env!("CARGO_PKG_VERSION"),
        evaluated.trials.len(),
        set.name(),
        set.version()
    );
    Ok(ReferenceErrors { sha256: Some(sha256.clone()), measured_by: Some(measured_by), ..errors })
}
