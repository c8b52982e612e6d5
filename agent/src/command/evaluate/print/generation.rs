//! What is printed of a model that generates.

use std::io;

use edgeval_calibration::{Generation, GenerationSlice};

use super::{print_table, value};
use crate::terminal::{self, say};

/// No table of groups is longer: the JSON has them all.
const SHOWN_GROUPS: usize = 24;

/// Prints a split's figures, and those of its groups.
pub(super) fn print(figures: &Generation) -> io::Result<()> {
    print_table(&[
        ("exact match", &figures.exact_match),
        ("chrF2, 0 to 100", &figures.chrf2),
        ("BLEU-4, 0 to 100", &figures.bleu4),
        ("ROUGE-L", &figures.rouge_l),
        ("word error rate", &figures.wer),
        ("character error rate", &figures.cer),
        ("CIDEr-D, 0 to 10", &figures.cider_d),
        ("tokens of an answer", &figures.tokens),
        ("confidence", &figures.confidence),
        ("answers that came to their end", &figures.complete),
    ])?;
    print_groups(&figures.slices)
}

/// Groups that are large enough to be compared, the worst of each key first; then the others, as far as there is room.
fn print_groups(slices: &[GenerationSlice]) -> io::Result<()> {
    if slices.is_empty() {
        return Ok(());
    }
    let chrf2 = |slice: &GenerationSlice| slice.chrf2.figure().map_or(f64::INFINITY, |figure| figure.value);
    let mut slices: Vec<&GenerationSlice> = slices.iter().collect();
    slices.sort_by(|a, b| {
        let order = b.ranked.cmp(&a.ranked).then_with(|| a.key.cmp(&b.key));
        order.then_with(|| if a.ranked { chrf2(a).total_cmp(&chrf2(b)) } else { a.value.cmp(&b.value) })
    });
    terminal::print_heading("By group")?;
    let mut table = terminal::table(&["group", "exact match", "chrF2", "n", ""]);
    for slice in slices.iter().take(SHOWN_GROUPS) {
        let n = slice.exact_match.figure().map_or_else(String::new, |figure| figure.n.to_string());
        let note = if slice.ranked { "" } else { "too few to rank" };
        let name = format!("{} = {}", slice.key, slice.value);
        table.add_row([name, value(&slice.exact_match), value(&slice.chrf2), n, note.to_owned()]);
    }
    terminal::align_numbers(&mut table);
    say!("{table}")?;
    if slices.len() > SHOWN_GROUPS {
        say!("and {} more: --json has them all", slices.len() - SHOWN_GROUPS)?;
    }
    Ok(())
}
