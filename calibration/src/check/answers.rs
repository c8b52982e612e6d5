//! Does every sample have what its set's task is scored against: a label, references, or a pair?

use std::collections::{BTreeMap, BTreeSet};

use edgeval_models::Task;

use super::{Checker, Severity};
use crate::Sample;

impl<'a> Checker<'a> {
    pub(super) fn check_answer(&mut self, sample: &'a Sample) {
        match self.set.task() {
            Task::Classification => self.check_label(sample),
            Task::Generation => self.check_references(sample),
            Task::Retrieval => self.check_pair(sample),
        }
    }

    fn check_label(&mut self, sample: &Sample) {
        let known = self.set.labels();
        match &sample.label {
            None => self.add(Severity::Warning, "no_label", "samples without a label can't be scored", &sample.id),
            Some(label) if !known.is_empty() && !known.contains(label) => {
                let text = format!("labels that set.toml doesn't name, such as `{label}`: correct one of the two");
                self.add(Severity::Error, "unknown_label", text, &sample.id);
            }
            Some(_) => {}
        }
    }

    fn check_references(&mut self, sample: &Sample) {
        if sample.references.is_empty() {
            let text = "samples without references can't be scored: add at least one right answer";
            self.add(Severity::Warning, "no_references", text, &sample.id);
        }
        if sample.references.iter().any(|reference| reference.trim().is_empty()) {
            let text = "references without a word: write the answer, or take the reference out";
            self.add(Severity::Error, "empty_reference", text, &sample.id);
        }
        if sample.turns.iter().any(|turn| turn.text.trim().is_empty() || turn.answer.trim().is_empty()) {
            let text = "earlier turns without a question or an answer: a model would be told nothing";
            self.add(Severity::Warning, "empty_turn", text, &sample.id);
        }
        let asks = self.set.declared_asks();
        if let Some(ask) = sample.ask.as_ref().filter(|ask| !asks.is_empty() && !asks.contains(ask)) {
            let text =
                format!("samples that ask for what set.toml doesn't name, such as `{ask}`: correct one of the two");
            self.add(Severity::Error, "unknown_ask", text, &sample.id);
        }
    }

    /// Retrieval looks for one modality by another.
    fn check_pair(&mut self, sample: &Sample) {
        let parts = [sample.image.is_some(), sample.audio.is_some(), sample.text.is_some()];
        if parts.into_iter().filter(|there| *there).count() < 2 {
            let text = "samples of one modality alone: retrieval needs pairs, such as a picture and its text";
            self.add(Severity::Error, "no_pair", text, &sample.id);
        }
    }

    /// What can be said of all samples together.
    pub(super) fn check_answers(&mut self) {
        match self.set.task() {
            Task::Classification => self.check_labels(),
            Task::Generation => self.check_asks(),
            Task::Retrieval => self.check_texts(),
        }
    }

    /// A split that is scored is scored whole.
    fn check_labels(&mut self) {
        let set = self.set;
        let labelled: BTreeSet<&str> =
            set.samples().iter().filter(|sample| sample.label.is_some()).map(|sample| sample.split.as_str()).collect();
        let unlabelled = set.samples().iter().filter(|sample| sample.label.is_none());
        for sample in unlabelled.filter(|sample| labelled.contains(sample.split.as_str())) {
            let text = "samples without a label in a split that has labels: label them, or give them another split";
            self.add(Severity::Error, "partly_labelled", text, &sample.id);
        }
    }

    /// A sample that doesn't say what it asks for asks for what the model has first, whatever that is.
    fn check_asks(&mut self) {
        let set = self.set;
        let (say, silent): (Vec<_>, Vec<_>) = set.samples().iter().partition(|sample| sample.ask.is_some());
        if say.is_empty() {
            return;
        }
        for sample in silent {
            let text = "samples that don't say what they ask for, among those that do: models take their own default";
            self.add(Severity::Warning, "partial_ask", text, &sample.id);
        }
        for ask in set.declared_asks().iter().filter(|ask| !say.iter().any(|sample| sample.ask.as_ref() == Some(*ask)))
        {
            let text = "asks that set.toml names and no sample has: correct one of the two";
            self.add(Severity::Error, "ask_without_samples", text, ask);
        }
    }

    /// Of two samples with the same text only one is found: the other counts as a miss, though it is right too.
    fn check_texts(&mut self) {
        let set = self.set;
        let mut texts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for sample in set.samples() {
            let Some(text) = &sample.text else { continue };
            let count = texts.entry((sample.split.as_str(), text.trim())).or_default();
            *count += 1;
            if *count > 1 {
                let text = "texts that another sample of the split has too: which of them is meant can't be told";
                self.add(Severity::Warning, "shared_text", text, &sample.id);
            }
        }
    }
}
