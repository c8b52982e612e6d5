//! What is printed of a classifier's and a finder's accuracy.

use std::io;

use edgeval_calibration::{Accuracy, Retrieval};

use super::{print_table, value};
use crate::terminal::{self, say};

/// Classes that are listed at most: the JSON has them all.
const SHOWN_CLASSES: usize = 24;

/// Prints a classifier's figures.
pub(super) fn print_classification(accuracy: &Accuracy) -> io::Result<()> {
    print_table(&[
        ("top-1", &accuracy.top1),
        ("top-5", &accuracy.top5),
        ("precision, macro", &accuracy.precision_macro),
        ("recall, macro", &accuracy.recall_macro),
        ("F1, macro", &accuracy.f1_macro),
        ("calibration error (ECE)", &accuracy.ece),
    ])?;
    print_classes(accuracy)?;
    print_confusion(accuracy)
}

/// Prints how well pairs find themselves.
pub(super) fn print_retrieval(retrieval: &Retrieval) -> io::Result<()> {
    say!("among {} pairs", retrieval.pool)?;
    for direction in [&retrieval.forward, &retrieval.backward] {
        terminal::print_heading(&format!("{} → {}", direction.from, direction.to))?;
        print_table(&[
            ("recall@1", &direction.recall_at_1),
            ("recall@5", &direction.recall_at_5),
            ("recall@10", &direction.recall_at_10),
            ("median rank", &direction.median_rank),
        ])?;
    }
    Ok(())
}

fn print_classes(accuracy: &Accuracy) -> io::Result<()> {
    terminal::print_heading("By class")?;
    let mut table = terminal::table(&["class", "precision", "recall", "F1", "samples"]);
    for class in accuracy.per_class.iter().take(SHOWN_CLASSES) {
        table.add_row([
            class.label.clone(),
            value(&class.precision),
            value(&class.recall),
            value(&class.f1),
            class.support.to_string(),
        ]);
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

/// Which classes were taken for which; nothing when all were right.
fn print_confusion(accuracy: &Accuracy) -> io::Result<()> {
    let mut mistakes: Vec<(u64, &str, &str)> = Vec::new();
    for (truth, row) in accuracy.confusion.iter().enumerate() {
        for (said, &count) in row.iter().enumerate().filter(|(said, count)| *said != truth && **count > 0) {
            mistakes.push((count, &accuracy.per_class[truth].label, &accuracy.per_class[said].label));
        }
    }
    mistakes.sort_by(|a, b| b.cmp(a));
    if mistakes.is_empty() {
        return Ok(());
    }
    terminal::print_heading("Mistakes, most frequent first")?;
    let mut table = terminal::table(&["was", "said", "times"]);
    for (count, truth, said) in mistakes.iter().take(8) {
        table.add_row([truth, said, count.to_string().as_str()]);
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}
