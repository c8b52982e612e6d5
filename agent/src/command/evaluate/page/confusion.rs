//! Which classes are taken for which: a table as long as it can be read, a picture with the most frequent mistakes beyond.

use image::{DynamicImage, Rgba, RgbaImage};
use maud::{Markup, html};

use super::parts::card;
use super::picture::data_uri;
use super::words::{NAME, counted, short};

/// Classes of a table with numbers.
const READABLE: usize = 24;
/// Pixels of the picture along a side: with more classes several share a pixel.
const PIXELS: usize = 512;
/// Mistakes that are listed.
const LISTED: usize = 16;
/// Colours that can be told apart on white and on black.
const RIGHT: [u8; 3] = [0x3d, 0x7d, 0xd8];
const WRONG: [u8; 3] = [0xe0, 0x6a, 0x26];

pub(super) fn render(labels: &[&str], rows: &[Vec<u64>]) -> Markup {
    let says = "Rows are what it was, columns what the model said; a cell's shade is its share of the row.";
    let body = if labels.len() <= READABLE { table(labels, rows) } else { raster(rows) };
    let mistakes = mistakes(labels, rows);
    card("What is taken for what", &html! { (body) (listed(&mistakes)) }, says)
}

fn table(labels: &[&str], rows: &[Vec<u64>]) -> Markup {
    html! {
        div.scroll { table.confusion {
            caption.hidden { "Confusion matrix" }
            thead { tr { td {} @for label in labels { th scope="col" { span { (short(label, 12)) } } } } }
            tbody { @for (truth, (label, row)) in labels.iter().zip(rows).enumerate() { tr {
                th scope="row" { (short(label, 16)) }
                @let sum = row.iter().sum::<u64>().max(1) as f64;
                @for (said, count) in row.iter().enumerate() { (cell(truth == said, *count, *count as f64 / sum)) }
            } } }
        } }
    }
}

fn cell(is_right: bool, count: u64, share: f64) -> Markup {
    let class = format!("{}{}", if is_right { "right" } else { "wrong" }, if share > 0.45 { " full" } else { "" });
    html! {
        @if count == 0 { td.none { "·" } }
        // Even one mistake among hundreds is to be seen.
        @else { td class=(class) style=(format!("--share:{:.0}%", (share * 100.0).max(12.0))) { (count) } }
    }
}

/// A pixel for each pair of classes, as strong as its share of the row.
fn raster(rows: &[Vec<u64>]) -> Markup {
    let together = rows.len().div_ceil(PIXELS);
    let side = rows.len().div_ceil(together) as u32;
    let mut picture = RgbaImage::new(side, side);
    for (truth, row) in rows.iter().enumerate() {
        let sum = row.iter().sum::<u64>().max(1) as f64;
        for (said, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            // The least alpha is still seen.
            let alpha = (60.0 + 195.0 * *count as f64 / sum) as u8;
            let [red, green, blue] = if truth / together == said / together { RIGHT } else { WRONG };
            let pixel = picture.get_pixel_mut((said / together) as u32, (truth / together) as u32);
            if alpha > pixel[3] {
                *pixel = Rgba([red, green, blue, alpha]);
            }
        }
    }
    let label = format!("Confusion matrix of {} classes: the diagonal is right", rows.len());
    html! {
        @match data_uri(&DynamicImage::ImageRgba8(picture)) {
            Ok(uri) => img.matrix src=(uri) alt=(label);,
            Err(error) => p.absent { (error) },
        }
        @if together > 1 { p.small { (together) " classes share a pixel." } }
    }
}

type Mistake<'a> = (u64, &'a str, &'a str);

/// The most frequent first.
fn mistakes<'a>(labels: &[&'a str], rows: &[Vec<u64>]) -> Vec<Mistake<'a>> {
    let of_row = |(truth, row): (usize, &Vec<u64>)| {
        let said = row.iter().enumerate().filter(|(said, count)| *said != truth && **count > 0);
        said.map(|(said, count)| (*count, labels[truth], labels[said])).collect::<Vec<_>>()
    };
    let mut mistakes: Vec<Mistake<'_>> = rows.iter().take(labels.len()).enumerate().flat_map(of_row).collect();
    mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.0));
    mistakes
}

fn listed(mistakes: &[Mistake<'_>]) -> Markup {
    html! {
        @if mistakes.is_empty() { p { "No class was taken for another." } }
        @else {
            table {
                caption { "Mistakes, most frequent first" }
                thead { tr { th scope="col" { "was" } th.reason scope="col" { "said" } th scope="col" { "times" } } }
                tbody { @for (count, truth, said) in mistakes.iter().take(LISTED) { tr {
                    td { (short(truth, NAME)) } td { (short(said, NAME)) } td.number { (count) }
                } } }
            }
            @if mistakes.len() > LISTED { p.small { "and " (counted(mistakes.len() - LISTED, "other pair", "other pairs")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_make_a_small_picture() {
        let labels: Vec<String> = (0..1000).map(|class| format!("class {class}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let row = |truth: usize| (0..1000).map(|said| ((truth * 7 + said * 13) % 5) as u64).collect();
        let page = render(&labels, &(0..1000).map(row).collect::<Vec<Vec<u64>>>()).into_string();
        assert!(page.len() < 500_000, "{}", page.len());
        assert!(page.contains("2 classes share a pixel") && page.contains("other pairs"));
    }

    #[test]
    fn labels_from_outside_are_words_not_tags() {
        let page = render(&["<b>", "y"], &[vec![1, 1], vec![0, 2]]).into_string();
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
    }
}
