//! Two models, asked about the same samples.

use std::path::Path;

use anyhow::{Context, bail};
use edgeval_calibration::{
    Comparison, Evaluated, Evaluation, Journal, Kept, ReferenceSet, SoundAttack, SquareAttack, TrialOptions, Worker,
};
use edgeval_models::{Execution, Model, Precision};

use super::line::{Better, Line, any_regression};
use super::{Args, Compared, Side};
use crate::command::evaluate::observer::Watcher;
use crate::command::exit::ExitError;
use crate::measurement;
use crate::probe::cpu;
use crate::stop::Stop;

const METHOD: &str = "paired bootstrap: both are drawn on the same samples (or clusters, where the set names them); McNemar's exact test";

pub(super) fn compare(args: &Args, set: &Path) -> anyhow::Result<Compared> {
    let set = ReferenceSet::open(set)?;
    let watcher = Watcher::new(Stop::listen().context("can't listen for Ctrl-C")?, None, None);
    let (first_side, first) = answered(args, (&args.first, args.precision), &set, &watcher)?;
    let second_precision = args.precision_of_b.unwrap_or(args.precision);
    let (second_side, second) = answered(args, (&args.second, second_precision), &set, &watcher)?;
    let Comparison { figures, disagreements, .. } = Comparison::new(&set, &first, &second)?;
    let line = |figure: edgeval_calibration::PairedFigure| {
        let better = if figure.more_is_better { Better::More } else { Better::Less };
        Line::new(&figure.name, (figure.first, figure.second), figure.difference, (better, args.tolerance))
    };
    let figures: Vec<Line> = figures.into_iter().map(line).collect();
    Ok(Compared {
        schema: 1,
        first: first_side,
        second: second_side,
        set: format!("{} {} ({})", set.name(), set.version(), args.split),
        paired: true,
        method: METHOD,
        tolerance: args.tolerance,
        regression: any_regression(&figures),
        figures,
        disagreements,
    })
}

/// What a model says of every sample of the split as it is.
fn answered(
    args: &Args,
    (path, precision): (&Path, Precision),
    set: &ReferenceSet,
    watcher: &Watcher,
) -> anyhow::Result<(Side, Evaluated)> {
    if path.is_file() {
        bail!("{} is a file: with --set models are compared, and a model is a bundle's folder", path.display());
    }
    let execution = Execution { engine: args.engine, threads: 1 };
    let (bundle, loaded) = measurement::load_bundle(path, precision, execution)?;
    let mut workers = vec![Worker { model: loaded.model, other: None }];
    for _ in 1..cpu::cores() {
        workers.push(Worker { model: Model::load(&bundle, precision, execution)?, other: None });
    }
    let evaluation = Evaluation {
        set,
        split: &args.split,
        manifest: bundle.manifest(),
        precision,
        without: None,
        options: untried(),
        trials: false,
        wrong_explained: 0,
        enough: None,
    };
    let evaluated = evaluation.run(&mut workers, &mut Journal::nowhere(), Kept::default(), watcher)?;
    watcher.clear();
    if watcher.interrupted() {
        return Err(ExitError::interrupted("stopped: nothing was compared").into());
    }
    let model = format!("{} {precision}", loaded.identity.name);
    let samples = evaluated.answers.count() as u64;
    Ok((Side { model, sha256: loaded.identity.sha256, samples }, evaluated))
}

/// Nothing is tried, so nothing of it counts but the seed of the order.
const fn untried() -> TrialOptions {
    let attack = SquareAttack { epsilon: 0, queries: 0, share: 0.0 };
    let sound_attack = SoundAttack { epsilon: 0.0, queries: 0, share: 0.0 };
    TrialOptions { seed: 1, attack, sound_attack, examined: 0 }
}
