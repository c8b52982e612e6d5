//! How often the model is right: classes, pairs or texts.

use edgeval_calibration::{Accuracy, ClassFigures, Generation, GenerationSlice, Retrieval};
use maud::{Markup, html};

use super::super::output::{AccuracyFigures, Dimension};
use super::figures::{Row, plain, table};
use super::parts::{absent, reason, section, unfolded};
use super::words::{NAME, short, value};
use super::{confusion, reliability};

/// Classes and groups that are listed: the worst.
const LISTED: usize = 24;

pub(super) fn render(accuracy: &AccuracyFigures, generation: &Dimension<Generation>) -> Markup {
    let texts = generation.figures().map(texts);
    let (lead, body) = match accuracy {
        AccuracyFigures::Classes(accuracy) => (accuracy.interval.as_str(), classes(accuracy)),
        AccuracyFigures::Pairs(retrieval) => {
            ("What belongs together finds itself; ties are broken against the model.", pairs(retrieval))
        }
        AccuracyFigures::Texts { .. } => ("Answers held against their references.", html! {}),
        AccuracyFigures::Absent(why) => ("", absent(reason(why))),
    };
    section("accuracy", "Accuracy", lead, &html! { (body) @if let Some(texts) = texts { (texts) } })
}

fn classes(accuracy: &Accuracy) -> Markup {
    let labels: Vec<&str> = accuracy.per_class.iter().map(|class| class.label.as_str()).collect();
    html! {
        (table("How often it is right", &[
            Row::new("top-1", &accuracy.top1),
            Row::new("top-5", &accuracy.top5).with_note("the label is among the five most probable"),
            Row::new("F1, macro", &accuracy.f1_macro),
            Row::new("precision, macro", &accuracy.precision_macro),
            Row::new("recall, macro", &accuracy.recall_macro),
            Row::new("balanced accuracy", &accuracy.balanced_accuracy),
            Row::new("calibration error", &accuracy.ece).with_note("ECE; less is better"),
            Row::new("worst bin's", &accuracy.mce).with_note("MCE; less is better"),
        ], (0.0, 1.0)))
        div.cards {
            (reliability::render(&accuracy.reliability))
            (confusion::render(&labels, &accuracy.confusion))
        }
        (unfolded("Classes", &by_class(&accuracy.per_class)))
        (plain("In their own units", &[
            Row::new("Brier's score, 0 to 2", &accuracy.brier),
            Row::new("negative log-likelihood, nats", &accuracy.nll),
            Row::new("Matthews's correlation, −1 to 1", &accuracy.matthews_correlation),
        ]))
    }
}

fn by_class(classes: &[ClassFigures]) -> Markup {
    let f1 = |class: &ClassFigures| class.f1.figure().map_or(f64::INFINITY, |figure| figure.value);
    let mut sorted: Vec<&ClassFigures> = classes.iter().collect();
    sorted.sort_by(|a, b| f1(a).total_cmp(&f1(b)));
    html! {
        div.scroll { table {
            caption { "By class, the worst first" }
            thead { tr { @for head in ["class", "precision", "recall", "F1", "samples"] { th scope="col" { (head) } } } }
            tbody { @for class in sorted.iter().take(LISTED) { tr {
                th scope="row" { (short(&class.label, NAME)) }
                @for figure in [&class.precision, &class.recall, &class.f1] { td.number { (value(figure)) } }
                td.number { (class.support) }
            } } }
        } }
        @if sorted.len() > LISTED { p.small { "and " (sorted.len() - LISTED) " other classes: --json has them all" } }
    }
}

fn pairs(retrieval: &Retrieval) -> Markup {
    html! {
        p { "Among " (retrieval.pool) " pairs: with five or fewer, recall@5 is 1 and says nothing." }
        (table("Both directions", &[Row::new("recall@5", &retrieval.recall_at_5)], (0.0, 1.0)))
        div.two { @for direction in [&retrieval.forward, &retrieval.backward] {
            div {
                (table(&format!("{} → {}", direction.from, direction.to), &[
                    Row::new("recall@1", &direction.recall_at_1),
                    Row::new("recall@5", &direction.recall_at_5),
                    Row::new("recall@10", &direction.recall_at_10),
                ], (0.0, 1.0)))
                (plain("Rank", &[Row::new("median, from 1", &direction.median_rank)]))
            }
        } }
    }
}

fn texts(figures: &Generation) -> Markup {
    html! {
        p.lead { (figures.interval) }
        (table("How near answers are to their references", &[
            Row::new("exact match", &figures.exact_match),
            Row::new("ROUGE-L", &figures.rouge_l),
            Row::new("word error rate", &figures.wer).with_note("less is better"),
            Row::new("character error rate", &figures.cer).with_note("less is better"),
            Row::new("confidence", &figures.confidence),
            Row::new("answers that came to their end", &figures.complete),
        ], (0.0, 1.0)))
        (table("From 0 to 100", &[Row::new("chrF2", &figures.chrf2), Row::new("BLEU-4", &figures.bleu4)], (0.0, 100.0)))
        (plain("In their own units", &[
            Row::new("CIDEr-D, 0 to 10", &figures.cider_d),
            Row::new("tokens of an answer", &figures.tokens),
        ]))
        (text_groups(&figures.slices))
    }
}

/// Groups that are large enough to be compared, the worst first; then the others, as far as there is room.
fn text_groups(slices: &[GenerationSlice]) -> Markup {
    let exact = |slice: &GenerationSlice| slice.exact_match.figure().map_or(f64::INFINITY, |figure| figure.value);
    let mut sorted: Vec<&GenerationSlice> = slices.iter().collect();
    sorted.sort_by(|a, b| b.ranked.cmp(&a.ranked).then_with(|| exact(a).total_cmp(&exact(b))));
    let row = |slice: &&'_ GenerationSlice| format!("{}: {}", short(&slice.key, 24), short(&slice.value, NAME));
    let note = |slice: &GenerationSlice| if slice.ranked { "" } else { "too few to rank" };
    let listed = sorted.iter().take(LISTED);
    let rows: Vec<Row<'_>> =
        listed.map(|slice| Row::new(row(slice), &slice.exact_match).with_note(note(slice))).collect();
    html! {
        @if !rows.is_empty() { h3 { "Groups" } (table("Exact match by group", &rows, (0.0, 1.0))) }
        @if sorted.len() > LISTED { p.small { "and " (sorted.len() - LISTED) " other groups: --json has them all" } }
    }
}
